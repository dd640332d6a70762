/* Linked into programs for MIPS in the place of the C library's. That one expects its own address in a register, which code
   at fixed places does not set, and ends the program with a bus error. A static program has nothing to look up: whoever asks
   is told so, and calls the kernel. */
void *dlsym(void *handle, const char *name)
{
	(void)handle;
	(void)name;
	return 0;
}
