#!/bin/sh
# Sets up builders to compare with, in a Debian of their own, and starts two Docker daemons: one with containerd's image store, which can write OCI
# archives, and one with the classic store. Nothing of this machine's own Docker is used or emptied. For root; needs mmdebstrap and util-linux.
# usage: others.sh up FOLDER      FOLDER/bin then has `docker`, `docker-classic` and `buildah`, which see FOLDER/work; `npm run bench -- --others FOLDER`
#        others.sh down FOLDER    ends the daemons; the folder stays, and can be brought up again or removed
set -eu
usage() { sed -n '4,5s/^# *//p' "$0" >&2; exit 2; }
[ $# = 2 ] || usage
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

install_builders() {
  [ ! -e "$folder/root" ] || return 0
  # A mirror that is a snapshot has a Release file that has expired.
  mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --include=docker.io,docker-buildx,docker-cli,buildah,netavark,ca-certificates,runc,crun sid "$folder/root.new" "$mirror"
  mv "$folder/root.new" "$folder/root"
}

# Mounts are in a namespace of the daemon's own, and end with it.
start_daemon() { # NAME CONTAINERD-STORE
  mkdir -p "$folder/work" "$folder/lib-$1" "$folder/root/run" "$folder/root/var/lib/docker" "$folder/root$folder/work"
  setsid unshare --mount --propagation private sh -euc '
    cd "$1/root"
    mount --bind . .
    cd "$1/root"
    mount -t proc proc proc
    mount --rbind /sys sys
    mount --rbind /dev dev
    mount -t tmpfs tmpfs run
    mount --bind "$1/lib-$2" var/lib/docker
    mount --bind "$1/work" "./$1/work"
    exec chroot . dockerd --bridge=none --iptables=false --ip6tables=false --feature "containerd-snapshotter=$3"
  ' sh "$folder" "$1" "$2" >"$folder/$1.log" 2>&1 </dev/null &
  echo $! >"$folder/$1.pid"
}

# A command that runs a program where the daemon is.
write_command() { # NAME PROGRAM DAEMON
  mkdir -p "$folder/bin"
  printf '#!/bin/sh\nexec nsenter --target %s --mount --root --wd %s "$@"\n' "$(cat "$folder/$3.pid")" "$2" >"$folder/bin/$1"
  chmod 755 "$folder/bin/$1"
}

await_daemon() { # COMMAND
  for _ in $(seq 120); do
    ! "$folder/bin/$1" version >/dev/null 2>&1 || return 0
    sleep 0.5
  done
  echo "others: $1 does not answer; see the logs in $folder" >&2
  exit 1
}

stop_daemon() { # NAME
  [ -e "$folder/$1.pid" ] || return 0
  pid=$(cat "$folder/$1.pid")
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
    kill "$pid"
    while [ -e "/proc/$pid" ]; do sleep 0.2; done
  fi
  rm -f "$folder/$1.pid"
}

case $action in
  up)
    install_builders
    stop_daemon docker
    stop_daemon docker-classic
    start_daemon docker true
    start_daemon docker-classic false
    write_command docker docker docker
    write_command docker-classic docker docker-classic
    write_command buildah buildah docker
    await_daemon docker
    await_daemon docker-classic
    ;;
  down)
    stop_daemon docker
    stop_daemon docker-classic
    ;;
  *) usage ;;
esac
