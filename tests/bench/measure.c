/* measure RUNS STDIN STDOUT PROGRAM ARGUMENT... : runs the program that often and prints the median of its wall-clock
   time in milliseconds and the largest of its peak memories in KiB, its children's included. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    const int runs = argc > 4 ? atoi(argv[1]) : 0;
    if (runs < 1)
        return 2;
    double *took = calloc((size_t)runs, sizeof *took);
    for (int i = 0; i < runs; i++) {
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, 0, argv[2], O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&files, 1, argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
        const double start = now();
        pid_t child;
        int status;
        if (posix_spawnp(&child, argv[4], &files, NULL, argv + 4, environ) != 0 || waitpid(child, &status, 0) < 0)
            return 1;
        took[i] = now() - start;
        posix_spawn_file_actions_destroy(&files);
    }
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    qsort(took, (size_t)runs, sizeof *took, compare);
    printf("%.3f %ld\n", took[runs / 2], usage.ru_maxrss);
    free(took);
    return 0;
}
