#!/sbin/openrc-run
# ioFog @WORD@
description="ioFog @WORD@"
command="/usr/bin/@NAME@"
command_args="@ARGUMENTS@"
pidfile="/run/@NAME@.pid"
# One that ends by itself is started again, where OpenRC can.
if command -v supervise-daemon >/dev/null 2>&1; then
    supervisor=supervise-daemon
    respawn_delay=2
    respawn_max=0
else
    command_background=true
fi

depend() {
    need net
}
