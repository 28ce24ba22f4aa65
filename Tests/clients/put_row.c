/* put_row DIRECTORY KEY VALUE, both in hexadecimal: writes a row into a LevelDB, which is made if there is none. */
#include <leveldb/c.h>
#include <stdio.h>
#include <string.h>

static size_t bytes(const char *text, char *into) {
    size_t count = 0;
    for (unsigned int byte; sscanf(text + 2 * count, "%2x", &byte) == 1; count++) into[count] = (char)byte;
    return count;
}

int main(int count, char **arguments) {
    char key[1024], value[1024], *error = NULL;
    if (count != 4 || strlen(arguments[2]) > 2000 || strlen(arguments[3]) > 2000) return 2;
    leveldb_options_t *options = leveldb_options_create();
    leveldb_options_set_create_if_missing(options, 1);
    leveldb_t *database = leveldb_open(options, arguments[1], &error);
    if (database) {
        size_t key_count = bytes(arguments[2], key), value_count = bytes(arguments[3], value);
        leveldb_put(database, leveldb_writeoptions_create(), key, key_count, value, value_count, &error);
        leveldb_close(database);
    }
    if (error) fprintf(stderr, "%s\n", error);
    return error != NULL;
}
