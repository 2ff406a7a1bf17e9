/* Says on standard error what the program that this is preloaded into asks cmap for, so that the
 * floor asks for the same: a line `cmap: icmap KEY` or `cmap: stats KEY` for each key, `cmap: open
 * MAP` for each connection, and `cmap: iterate PREFIX` for each iteration.
 */
#define _GNU_SOURCE
#include <corosync/cmap.h>
#include <dlfcn.h>
#include <stdio.h>

static cmap_handle_t stats;

static const char *name(cmap_handle_t handle)
{
	return handle == stats ? "stats" : "icmap";
}

cs_error_t cmap_initialize_map(cmap_handle_t *handle, cmap_map_t map)
{
	cs_error_t (*real)(cmap_handle_t *, cmap_map_t) = dlsym(RTLD_NEXT, "cmap_initialize_map");
	cs_error_t error = real(handle, map);

	if (map == CMAP_MAP_STATS)
		stats = *handle;
	dprintf(2, "cmap: open %s\n", name(*handle));
	return error;
}

cs_error_t cmap_get(cmap_handle_t handle, const char *key, void *value, size_t *length,
		    cmap_value_types_t *type)
{
	cs_error_t (*real)(cmap_handle_t, const char *, void *, size_t *, cmap_value_types_t *) =
		dlsym(RTLD_NEXT, "cmap_get");

	dprintf(2, "cmap: %s %s\n", name(handle), key);
	return real(handle, key, value, length, type);
}

cs_error_t cmap_iter_init(cmap_handle_t handle, const char *prefix, cmap_iter_handle_t *iterator)
{
	cs_error_t (*real)(cmap_handle_t, const char *, cmap_iter_handle_t *) =
		dlsym(RTLD_NEXT, "cmap_iter_init");

	dprintf(2, "cmap: iterate %s\n", prefix ? prefix : "");
	return real(handle, prefix, iterator);
}
