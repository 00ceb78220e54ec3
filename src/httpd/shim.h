/* The few things of httpd and APR that are macros or variadic, as plain functions. */
#ifndef MOD_PYTHON_RS_SHIM_H
#define MOD_PYTHON_RS_SHIM_H

#include "httpd.h"
#include "apr_buckets.h"

void mpr_log_request(int module_index, int level, const request_rec *r, const char *text);
void mpr_log_server(int module_index, int level, const server_rec *s, const char *text);
void mpr_log_connection(int module_index, int level, const conn_rec *c, const char *text);
int mpr_server_loglevel(int module_index, const server_rec *s);
const char *mpr_error_log_id(const request_rec *r);

/* Sends `length` bytes of an open file; returns an APR status. The file is closed with the request's pool. */
apr_status_t mpr_send_file(request_rec *r, const char *path, apr_off_t offset, apr_off_t length, apr_size_t *sent);

/* Copies at most `size` bytes of the request's body into `buffer`. Returns the count, 0 at the end, or -1 with *status set. */
apr_ssize_t mpr_read_body(request_rec *r, char *buffer, apr_size_t size, int *at_end, apr_status_t *status);

#endif
