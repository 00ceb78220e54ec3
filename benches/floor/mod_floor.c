/* The floor: the least that an httpd content handler can do, writing the same bytes as site/hello.py. */
#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "http_request.h"

static int floor_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "floor")) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain");
    ap_rputs("hello, world\n", r);
    return OK;
}

static void floor_hooks(apr_pool_t *p)
{
    ap_hook_handler(floor_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA floor_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, floor_hooks
};
