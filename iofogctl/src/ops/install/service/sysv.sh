#!/bin/sh
### BEGIN INIT INFO
# Provides:          @NAME@
# Required-Start:    $network $remote_fs
# Required-Stop:     $network $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: ioFog @WORD@
### END INIT INFO

PROGRAM=/usr/bin/@NAME@
PID_DIR=/run
[ -d $PID_DIR ] || PID_DIR=/var/run
PID_FILE=$PID_DIR/@NAME@.pid

running() {
    [ -f "$PID_FILE" ] && kill -0 "$(cat "$PID_FILE")" 2>/dev/null
}

start() {
    running && return 0
    mkdir -p "$PID_DIR"
    $PROGRAM @ARGUMENTS@ </dev/null >/dev/null 2>&1 &
    echo $! >"$PID_FILE"
}

stop() {
    if running; then
        kill "$(cat "$PID_FILE")"
        tries=0
        while running && [ $tries -lt 30 ]; do
            sleep 1
            tries=$((tries + 1))
        done
        running && kill -9 "$(cat "$PID_FILE")"
    fi
    rm -f "$PID_FILE"
}

case "$1" in
    start) start ;;
    stop) stop ;;
    restart) stop; start ;;
    status) running ;;
@ORDERS@    *) echo "usage: $0 start|stop|restart|status@ORDER_NAMES@"; exit 2 ;;
esac
