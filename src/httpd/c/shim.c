/* See shim.h. Nothing here keeps state. */
#include "shim.h"

#include "apr_hash.h"
#include "apr_optional.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "util_filter.h"

void mpr_log_request(int module_index, int level, const request_rec *r, const char *text)
{
    ap_log_rerror_("mod_python_rs", 0, module_index, level, 0, r, "%s", text);
}

void mpr_log_server(int module_index, int level, const server_rec *s, const char *text)
{
    ap_log_error_("mod_python_rs", 0, module_index, level, 0, s, "%s", text);
}

void mpr_log_connection(int module_index, int level, const conn_rec *c, const char *text)
{
    ap_log_cerror_("mod_python_rs", 0, module_index, level, 0, c, "%s", text);
}

apr_status_t mpr_send_file(request_rec *r, const char *path, apr_off_t offset, apr_off_t length, int *opened,
                           apr_size_t *sent)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t rv;
    apr_int32_t flags = APR_READ | APR_BINARY;

    *sent = 0;
    *opened = 0;
#if APR_HAS_SENDFILE
    flags |= APR_SENDFILE_ENABLED;
#endif
    rv = apr_file_open(&file, path, flags, APR_OS_DEFAULT, r->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (rv == APR_SUCCESS && info.filetype != APR_REG) {
        rv = info.filetype == APR_DIR ? EISDIR : EINVAL;
    }
    if (rv != APR_SUCCESS) {
        apr_file_close(file);
        return rv;
    }
    *opened = 1;
    if (offset >= info.size) {
        apr_file_close(file);
        return APR_SUCCESS;
    }
    if (length < 0 || length > info.size - offset) {
        length = info.size - offset;
    }
    if (length == 0) {
        apr_file_close(file);
        return APR_SUCCESS;
    }
    return ap_send_fd(file, r, offset, (apr_size_t)length, sent);
}

apr_ssize_t mpr_read_body(request_rec *r, char *buffer, apr_size_t size, int fill, int *at_end, apr_status_t *status)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_size_t total = 0;
    apr_status_t rv = APR_SUCCESS;

    *at_end = 0;
    while (total < size && !*at_end && (fill || total == 0)) {
        apr_size_t part = size - total;

        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, (apr_off_t)part);
        if (rv != APR_SUCCESS) {
            break;
        }
        /* A filter that answers with nothing at all has nothing more to give. */
        if (APR_BRIGADE_EMPTY(bb) || APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb))) {
            *at_end = 1;
        }
        rv = apr_brigade_flatten(bb, buffer + total, &part);
        if (rv != APR_SUCCESS) {
            break;
        }
        total += part;
        apr_brigade_cleanup(bb);
    }
    apr_brigade_destroy(bb);
    r->read_length += (apr_off_t)total;
    *status = rv;
    return rv == APR_SUCCESS ? (apr_ssize_t)total : -1;
}

/*
 * The beginnings of mod_mime's per-directory record and of its values. mod_mime keeps them to itself, but they have been the
 * same in all of 2.x.
 */
typedef struct {
    apr_hash_t *extension_mappings;
} mime_record;

typedef struct {
    const char *forced_type;
    const char *encoding_type;
    const char *language_type;
    const char *handler;
} mime_extension;

const char *mpr_handler_extensions(request_rec *r, const char *one, const char *other)
{
    module *mime = ap_find_linked_module("mod_mime.c");
    const mime_record *record;
    apr_hash_index_t *index;
    const char *result = "";

    if (mime == NULL) {
        return NULL;
    }
    record = ap_get_module_config(r->per_dir_config, mime);
    if (record == NULL || record->extension_mappings == NULL) {
        return result;
    }
    for (index = apr_hash_first(r->pool, record->extension_mappings); index != NULL; index = apr_hash_next(index)) {
        const void *key;
        void *value;
        const mime_extension *extension;

        apr_hash_this(index, &key, NULL, &value);
        extension = value;
        if (extension->handler != NULL
            && (strcmp(extension->handler, one) == 0 || strcmp(extension->handler, other) == 0)) {
            result = apr_pstrcat(r->pool, result, *result ? " " : "", (const char *)key, NULL);
        }
    }
    return result;
}

int mpr_is_aborted(const conn_rec *c)
{
    return c->aborted != 0;
}

int mpr_double_reverse(const conn_rec *c)
{
    return c->double_reverse;
}

APR_DECLARE_OPTIONAL_FN(int, ssl_is_https, (conn_rec *));
APR_DECLARE_OPTIONAL_FN(char *, ssl_var_lookup, (apr_pool_t *, server_rec *, conn_rec *, request_rec *, char *));

int mpr_is_https(conn_rec *c)
{
    APR_OPTIONAL_FN_TYPE(ssl_is_https) *function = APR_RETRIEVE_OPTIONAL_FN(ssl_is_https);

    return function != NULL && function(c);
}

const char *mpr_ssl_variable(request_rec *r, const char *name)
{
    APR_OPTIONAL_FN_TYPE(ssl_var_lookup) *function = APR_RETRIEVE_OPTIONAL_FN(ssl_var_lookup);

    if (function == NULL) {
        return NULL;
    }
    return function(r->pool, r->server, r->connection, r, apr_pstrdup(r->pool, name));
}
