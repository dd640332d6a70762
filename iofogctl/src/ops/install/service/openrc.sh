#!/sbin/openrc-run
# ioFog Agent
description="ioFog Agent"
command="/usr/bin/iofog-agent"
command_args="--log file daemon"
command_background=true
pidfile="/run/iofog-agent.pid"

depend() {
    need net
}
