################################################################################
#
# iofog-agent
#
################################################################################

IOFOG_AGENT_VERSION = 0.1.0
IOFOG_AGENT_SITE = $(call qstrip,$(BR2_PACKAGE_IOFOG_AGENT_SITE))
IOFOG_AGENT_SOURCE = iofog-agent-$(IOFOG_AGENT_VERSION)-$(call qstrip,$(BR2_PACKAGE_IOFOG_AGENT_TARGET)).tar.gz
IOFOG_AGENT_LICENSE = Apache-2.0
IOFOG_AGENT_LICENSE_FILES = LICENSE
# Static and stripped by its release: nothing of the toolchain is needed.
IOFOG_AGENT_ADD_TOOLCHAIN_DEPENDENCY = NO

ifeq ($(BR2_PACKAGE_IOFOG_AGENT)$(BR_BUILDING),yy)
ifeq ($(IOFOG_AGENT_SITE),)
$(error BR2_PACKAGE_IOFOG_AGENT_SITE does not say where the programs of the release are)
endif
ifeq ($(wildcard $(BR2_EXTERNAL_IOFOG_PATH)/package/iofog-agent/iofog-agent.hash),)
$(error iofog-agent has no iofog-agent.hash: take the recipes of a release)
endif
endif

define IOFOG_AGENT_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/iofog-agent $(TARGET_DIR)/usr/sbin/iofog-agent
	$(INSTALL) -D -m 0644 $(@D)/files/update.conf $(TARGET_DIR)/etc/iofog-agent/update.conf
endef

define IOFOG_AGENT_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/files/iofog-agent.init $(TARGET_DIR)/etc/init.d/S95iofog-agent
endef

define IOFOG_AGENT_INSTALL_INIT_OPENRC
	$(INSTALL) -D -m 0755 $(@D)/files/iofog-agent.openrc $(TARGET_DIR)/etc/init.d/iofog-agent
endef

define IOFOG_AGENT_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/files/iofog-agent.service \
		$(TARGET_DIR)/usr/lib/systemd/system/iofog-agent.service
endef

$(eval $(generic-package))
