/* Runs the tests that the arguments pick (filter=TEXT, by parts of ids); the status is 1 if one failed. */
#include <stdarg.h>
#include <stdlib.h>

#include "conformance.h"

static const struct test* const families[] = {
    physical_create_tests, physical_ops_tests, physical_children_tests, cache_policy_tests,
    resource_tests,        mmio_buffer_tests,  library_tests,
    reading_tests,         threads_tests,      together_tests,
};

thread_local const struct test* running;

static char why[200];

bool failed(const char* file, int line, const char* format, ...) {
    const char* name = strrchr(file, '/');
    int length = snprintf(why, sizeof(why), "%s:%d: ", name == NULL ? file : name + 1, line);
    va_list args;
    va_start(args, format);
    vsnprintf(why + length, sizeof(why) - (size_t)length, format, args);
    va_end(args);
    return false;
}

static bool picked(const char* id, int argc, char** argv) {
    bool any = false;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "filter=", 7) == 0) {
            any = true;
            if (strstr(id, argv[i] + 7) != NULL) {
                return true;
            }
        }
    }
    return !any;
}

int main(int argc, char** argv) {
    if (!explore()) {
        return EXIT_FAILURE;
    }
    unsigned passed = 0, lost = 0;
    for (size_t family = 0; family < sizeof(families) / sizeof(families[0]); family++) {
        for (const struct test* test = families[family]; test->id != NULL; test++) {
            if (!picked(test->id, argc, argv)) {
                continue;
            }
            running = test;
            bool good = test->run();
            tidy();
            if (good) {
                printf("test %s %s ... ok\n", test->id, test->title);
                passed++;
            } else {
                printf("test %s %s ... FAILED: %s\n", test->id, test->title, why);
                lost++;
            }
        }
    }
    printf("%u passed, %u failed\n", passed, lost);
    return lost != 0;
}
