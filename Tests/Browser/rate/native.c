// What the browser's solver is compared with: OpenSSL's SHA256_Transform, one block after another, on one thread.
// Takes a number of milliseconds of this thread's CPU time, prints blocks per second of it.

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int count, char **arguments)
{
    const double seconds = count > 1 ? atof(arguments[1]) / 1000 : 1;
    SHA256_CTX context;
    unsigned char block[64] = {0};
    unsigned long long blocks = 0;
    SHA256_Init(&context);
    const double began = now();
    double elapsed;
    do {
        for (int i = 0; i < 100000; i++) {
            block[40] = (unsigned char)i;
            SHA256_Transform(&context, block);
        }
        blocks += 100000;
        elapsed = now() - began;
    } while (elapsed < seconds);
    // The state is used, so that nothing of the loop can be left out.
    fprintf(stderr, "%08x\n", context.h[0]);
    printf("%.0f\n", (double)blocks / elapsed);
    return 0;
}
