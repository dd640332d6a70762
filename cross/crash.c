/* Linked into device programs. What would be a panic elsewhere is one instruction there that the processor refuses; this says
   where it was, on standard error, and lets the program end of it. The symbols kept beside a release know the function. */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static void tell(int number, siginfo_t *info, void *context)
{
	static const char digits[] = "0123456789abcdef";
	char line[64] = "crashed at 0x";
	size_t length = strlen(line);
	uintptr_t place = (uintptr_t)info->si_addr;
	int shift = (int)sizeof place * 8 - 4;

	(void)context;
	while (shift > 0 && !(place >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		line[length++] = digits[place >> shift & 15];
	line[length++] = '\n';
	/* The handler is gone by now: the program ends of this. */
	(void)write(STDERR_FILENO, line, length);
	raise(number);
}

__attribute__((constructor)) static void begin(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = tell;
	action.sa_flags = SA_SIGINFO | SA_RESETHAND;
	sigaction(SIGILL, &action, 0);
	sigaction(SIGTRAP, &action, 0);
}
