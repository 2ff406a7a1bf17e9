/* What reading Corosync's link state must cost at least: opens the maps that are named and gets
 * the keys that are named, each once, and no more. After `short` it connects for messages as long
 * as ringcheck's (src/libraries.rs), not as long as libcmap wants them.
 *
 *     floor [short] [icmap KEY...] [stats KEY...]
 */
#define _GNU_SOURCE
#include <corosync/cmap.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t longest = SIZE_MAX;

/* What libcmap calls (qbipcc.h). */
void *qb_ipcc_connect(const char *service, size_t message)
{
	void *(*real)(const char *, size_t) = dlsym(RTLD_NEXT, "qb_ipcc_connect");

	return real(service, message < longest ? message : longest);
}

static int open_map(cmap_handle_t *handle, cmap_map_t map)
{
	cs_error_t error = cmap_initialize_map(handle, map);

	if (error != CS_OK)
		fprintf(stderr, "floor: cmap_initialize_map: %d\n", error);
	return error == CS_OK;
}

int main(int argc, char **argv)
{
	cmap_handle_t handles[2], *map = NULL;
	int opened = 0;

	for (int i = 1; i < argc; i++) {
		int icmap = strcmp(argv[i], "icmap") == 0;

		if (strcmp(argv[i], "short") == 0) {
			longest = 64 * 1024;
			continue;
		}
		if (icmap || strcmp(argv[i], "stats") == 0) {
			if (opened == 2)
				return 2;
			map = &handles[opened++];
			if (!open_map(map, icmap ? CMAP_MAP_ICMAP : CMAP_MAP_STATS))
				return 1;
			continue;
		}
		if (map == NULL)
			return 2;

		char value[256];
		size_t length = sizeof(value);
		cmap_value_types_t type;
		cs_error_t error = cmap_get(*map, argv[i], value, &length, &type);

		if (error != CS_OK && error != CS_ERR_NOT_EXIST) {
			fprintf(stderr, "floor: %s: %d\n", argv[i], error);
			return 1;
		}
	}
	while (opened > 0)
		cmap_finalize(handles[--opened]);
	return 0;
}
