/* The few things of httpd and APR that are macros or variadic, as plain functions. */
#ifndef MOD_PYTHON_RS_SHIM_H
#define MOD_PYTHON_RS_SHIM_H

#include "httpd.h"
#include "apr_buckets.h"

void mpr_log_request(int module_index, int level, const request_rec *r, const char *text);
void mpr_log_server(int module_index, int level, const server_rec *s, const char *text);
void mpr_log_connection(int module_index, int level, const conn_rec *c, const char *text);

/*
 * Sends `length` bytes of a file from `offset` on, never more than the file has; a negative length means up to its end.
 * Returns an APR status; `*opened` tells whether the file or the client is to blame. The file is closed with the request's
 * pool.
 */
apr_status_t mpr_send_file(request_rec *r, const char *path, apr_off_t offset, apr_off_t length, int *opened,
                           apr_size_t *sent);

/*
 * Copies at most `size` bytes of the request's body into `buffer`: what is there, or with `fill` as much as fits. Returns the
 * count, 0 at the end, or -1 with `*status` set. `*at_end` tells that the end was seen.
 */
apr_ssize_t mpr_read_body(request_rec *r, char *buffer, apr_size_t size, int fill, int *at_end, apr_status_t *status);

/* The extensions, joined by blanks, that mod_mime's AddHandler maps to one of two handlers; NULL without mod_mime. */
const char *mpr_handler_extensions(request_rec *r, const char *one, const char *other);

/* Fields that are bits in some versions of httpd and numbers in others. */
int mpr_is_aborted(const conn_rec *c);
int mpr_double_reverse(const conn_rec *c);

/* Whether the connection is encrypted by mod_ssl, and one of mod_ssl's variables (NULL without mod_ssl). */
int mpr_is_https(conn_rec *c);
const char *mpr_ssl_variable(request_rec *r, const char *name);

#endif
