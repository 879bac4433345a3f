# What the measurements share. To be sourced at the root of the tree.
# shellcheck shell=bash

say() { echo "bench: $*" >&2; }
export LIBVIRT_LAB=/run/libvirt-cpi-bench
bin=build/bench
mkdir -p "$bin"
compile() { # options… PROGRAM
  cc -O2 -o "$bin/${!#}" "tests/bench/${!#}.c" "${@:1:$#-1}"
}
compile measure
folder=$(mktemp -d)
chmod 711 "$folder"
install -d -m 0711 "$folder/store"

# shellcheck disable=SC2034 # who sources this exits with it
exceeded=0
report() { # figure value limit
  local ok=true
  if ! jq -en "$2 <= $3" >/dev/null; then
    ok=false
    # shellcheck disable=SC2034
    exceeded=1
  fi
  jq -cn --arg figure "$1" --argjson value "$2" --argjson limit "$3" --argjson ok $ok '{$figure, $value, $limit, $ok}'
}
request() { # method arguments
  jq -cn --arg method "$1" --argjson arguments "$2" \
    '{$method, $arguments, context: {director_uuid: "bench"}, api_version: 2}' >"$folder/$1.json"
}
median() { # runs stdin stdout program…
  "$bin/measure" "$@" | cut -d' ' -f1
}
ratio() { jq -n "($1) / ($2) * 100 | round / 100"; }
ask() { # method arguments program…; the result
  request "$1" "$2"
  "${@:3}" <"$folder/$1.json" >"$folder/answer" 2>"$folder/log"
  jq -ce 'if .error then error(.error.message) else .result // "null" end' "$folder/answer"
}
result_of() { jq -e .result "$folder/answer"; }
