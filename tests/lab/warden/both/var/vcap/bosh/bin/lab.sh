# shellcheck shell=sh
# What the scripts of the tests' warden stemcells share. The rules are those of the BOSH agent.
export PATH=/var/vcap/bosh/bin:/usr/sbin:/usr/bin:/sbin:/bin
DISKS=/warden-cpi-dev
# shellcheck disable=SC2034
REMEMBERED=/var/vcap/bosh/managed_disks

# The log comes first: a console that nobody reads may block.
report() {
  echo "REPORT $*" >>/var/log/report
  echo "REPORT $*" >/dev/console
}
die() {
  echo "$*" >&2
  exit 1
}
planned() { sed -n "s/^$1 //p" /run/agent-plan; }

bind() { # directory of the disk, mount point
  grep -qF " $1 " /proc/mounts || die "$1 is not mounted"
  mkdir -p "$2"
  mount --bind "$1" "$2"
}
