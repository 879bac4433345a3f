# shellcheck shell=sh
# What the guest's scripts share. The rules are those of the BOSH agent.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
family=$(cat /etc/family)

# To the console, for whoever looks from outside, and for whoever asks inside.
report() { echo "REPORT $*" | tee -a /var/log/report >/dev/console; }
die() {
  echo "$*" >&2
  exit 1
}

# $1 = tenths of a second, rest = the condition
wait_for() {
  _n=$1
  shift
  until "$@"; do
    [ "$_n" -gt 0 ] || return 1
    _n=$((_n - 1))
    sleep 0.1
  done
}

config_drive() {
  for drive in /dev/disk/by-label/config-2 /dev/disk/by-label/CONFIG-2; do
    [ -e "$drive" ] && return
  done
  return 1
}
# The first read closes an open tray, if there is still a medium in it.
cdrom_readable() { dd if=/dev/sr0 of=/dev/null bs=2048 count=1 2>/dev/null; }

# Prints the settings as they are on the medium; leaves the meta data beside them in /run.
read_settings() {
  _dir=$(mktemp -d /run/medium.XXXXXX)
  _rc=0
  case $family in
    openstack)
      wait_for 150 config_drive || die "no disk labelled config-2"
      mount -o ro "$drive" "$_dir" || die "cannot mount $drive"
      cp "$_dir/ec2/latest/meta-data.json" /run/meta-data.json && cat "$_dir/ec2/latest/user-data" || _rc=1
      umount "$_dir"
      ;;
    vsphere)
      wait_for 150 cdrom_readable || die "/dev/sr0 is not readable"
      mount -o ro /dev/sr0 "$_dir" || die "cannot mount /dev/sr0"
      echo '{}' >/run/meta-data.json
      cat "$_dir/env" || _rc=1
      umount "$_dir"
      eject -v /dev/sr0 >&2 || _rc=1
      ;;
  esac
  rmdir "$_dir"
  return $_rc
}

has_filesystem() { [ -n "$(blkid -p -o value -s TYPE "$1")" ]; }
format_if_blank() { # device label
  has_filesystem "$1" || mke2fs -q -F -t ext4 -L "$2" -E lazy_itable_init=1,lazy_journal_init=1,nodiscard "$1"
}
