#!/bin/sh
# Process 1 of the guest, from the moment the checkout is mounted. $1: `shell` stays process 1 and runs the tests,
# `systemd` hands over to systemd, which does. $2: the plan of the tests.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
export PATH HOME
guest=${0%/*}
mount -t proc proc /proc
mount -t sysfs sys /sys
echo '127.0.0.1 localhost' > /etc/hosts
echo guest > /etc/hostname
case $1 in
shell)
  mkdir -p /dev/pts /dev/shm
  mount -t devpts devpts /dev/pts
  mount -t tmpfs tmpfs /dev/shm
  mount -t tmpfs tmpfs /run
  mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
  hostname guest
  ip link set lo up
  dockerd > /var/log/dockerd.log 2>&1 &
  sh "$guest/tests.sh" "$2"
  echo o > /proc/sysrq-trigger
  sleep 600
  ;;
systemd)
  mount -t tmpfs tmpfs /run
  mkdir -p /run/systemd/system
  # The kernel has made the devices that there are, and nothing else is wanted of a guest's start.
  for unit in systemd-udevd systemd-udev-trigger systemd-timesyncd; do
    ln -s /dev/null "/run/systemd/system/$unit.service"
  done
  cat > /run/systemd/system/kolejka-tests.service <<UNIT
[Unit]
Description=The tests of a checkout of kolejka
Requires=docker.service dbus.service
After=docker.service dbus.service

[Service]
Type=oneshot
Environment=HOME=/root PATH=$PATH
StandardOutput=file:/dev/ttyS0
StandardError=file:/dev/ttyS0
TimeoutStartSec=infinity
ExecStart=/bin/sh $guest/tests.sh $2
ExecStopPost=/bin/sh -c 'echo o > /proc/sysrq-trigger'
UNIT
  exec /lib/systemd/systemd --unit=kolejka-tests.service
  ;;
esac
