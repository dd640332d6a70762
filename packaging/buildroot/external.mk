include $(sort $(wildcard $(BR2_EXTERNAL_IOFOG_PATH)/package/*/*.mk))
