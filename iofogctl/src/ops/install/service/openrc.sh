#!/sbin/openrc-run
# ioFog @WORD@
description="ioFog @WORD@"
command="/usr/bin/@NAME@"
command_args="@ARGUMENTS@"
command_background=true
pidfile="/run/@NAME@.pid"

depend() {
    need net
}
