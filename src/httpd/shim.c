/* See shim.h. Nothing here keeps state. */
#include "shim.h"

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

int mpr_server_loglevel(int module_index, const server_rec *s)
{
    return ap_get_server_module_loglevel(s, module_index);
}

const char *mpr_error_log_id(const request_rec *r)
{
    return r->log_id;
}

apr_status_t mpr_send_file(request_rec *r, const char *path, apr_off_t offset, apr_off_t length, apr_size_t *sent)
{
    apr_file_t *file;
    apr_status_t rv;
    apr_int32_t flags = APR_READ | APR_BINARY;

    *sent = 0;
#if APR_HAS_SENDFILE
    flags |= APR_SENDFILE_ENABLED;
#endif
    rv = apr_file_open(&file, path, flags, APR_OS_DEFAULT, r->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return ap_send_fd(file, r, offset, (apr_size_t)length, sent);
}

apr_ssize_t mpr_read_body(request_rec *r, char *buffer, apr_size_t size, int *at_end, apr_status_t *status)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_size_t length = size;
    apr_status_t rv;
    apr_ssize_t result = -1;

    rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, (apr_off_t)size);
    if (rv == APR_SUCCESS) {
        if (!APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb))) {
            *at_end = 1;
        }
        rv = apr_brigade_flatten(bb, buffer, &length);
        result = (apr_ssize_t)length;
    }
    apr_brigade_destroy(bb);
    *status = rv;
    return rv == APR_SUCCESS ? result : -1;
}
