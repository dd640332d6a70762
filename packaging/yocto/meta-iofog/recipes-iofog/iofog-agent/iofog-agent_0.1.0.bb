SUMMARY = "ioFog Agent with edge Router and Proxy"
DESCRIPTION = "Runs microservices of an Edge Compute Network on this device. \
The static program of a release is installed; it needs no library."
HOMEPAGE = "https://iofog.org"
SECTION = "net"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

SRC_URI = "${IOFOG_SITE}/${BP}-${IOFOG_TARGET}.tar.gz;name=${IOFOG_TARGET}"

# The checksums of a release: `cargo xtask package` writes them beside this file.
include iofog-agent-release.inc

S = "${UNPACKDIR}/${BP}"
UNPACKDIR ??= "${WORKDIR}"

inherit systemd update-rc.d

SYSTEMD_SERVICE:${PN} = "iofog-agent.service"
INITSCRIPT_NAME = "iofog-agent"

# Target of the release; ARM cores without floating point take the oldest ARM program.
IOFOG_TARGET = ""
IOFOG_TARGET:x86-64 = "x86_64"
IOFOG_TARGET:aarch64 = "aarch64"
IOFOG_TARGET:riscv64 = "riscv64"
IOFOG_TARGET:arm = "armv5te"
IOFOG_TARGET:armv6 = "${@bb.utils.contains('TUNE_FEATURES', 'callconvention-hard', 'armv6', 'armv5te', d)}"
IOFOG_TARGET:armv7a = "${@bb.utils.contains('TUNE_FEATURES', 'callconvention-hard', 'armv7', 'armv5te', d)}"
IOFOG_TARGET:armv7ve = "${@bb.utils.contains('TUNE_FEATURES', 'callconvention-hard', 'armv7', 'armv5te', d)}"
IOFOG_TARGET:mipsel = "${@bb.utils.contains('TUNE_FEATURES', 'mips32r2', 'mipsel', '', d)}"
IOFOG_TARGET:mips = "${@bb.utils.contains('TUNE_FEATURES', 'mips32r2', 'mips', '', d)}"

python () {
    if not d.getVar('IOFOG_TARGET'):
        raise bb.parse.SkipRecipe('no program for this architecture')
    if not d.getVar('IOFOG_SITE'):
        raise bb.parse.SkipRecipe('IOFOG_SITE does not say where the programs of the release are')
    if not d.getVarFlag('SRC_URI', d.getVar('IOFOG_TARGET') + '.sha256sum'):
        raise bb.parse.SkipRecipe('no iofog-agent-release.inc: take the recipes of a release')
}

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/iofog-agent ${D}${sbindir}/iofog-agent
    install -D -m 0644 ${S}/files/update.conf ${D}${sysconfdir}/iofog-agent/update.conf
    install -D -m 0644 ${S}/files/iofog-agent.service ${D}${systemd_system_unitdir}/iofog-agent.service
    install -D -m 0755 ${S}/files/iofog-agent.init ${D}${sysconfdir}/init.d/iofog-agent
}

FILES:${PN} += "${systemd_system_unitdir}/iofog-agent.service"
CONFFILES:${PN} = "${sysconfdir}/iofog-agent/update.conf"

# Static and stripped by its release, and kept as it was signed.
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_SYSROOT_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
INSANE_SKIP:${PN} = "already-stripped ldflags"
