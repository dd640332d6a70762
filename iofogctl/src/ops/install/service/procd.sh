#!/bin/sh /etc/rc.common
# ioFog @WORD@
START=95
STOP=10
USE_PROCD=1

start_service() {
    procd_open_instance
    procd_set_param command /usr/bin/@NAME@ @ARGUMENTS@
    procd_set_param respawn 3600 2 0
    procd_close_instance
}
