#include "CPage.h"

// C23's #embed puts a file's bytes here when this is compiled; names are relative to this file.
static const unsigned char page_html[] = {
#embed "assets/page.html"
};
static const unsigned char page_css[] = {
#embed "assets/page.css"
};
static const unsigned char page_js[] = {
#embed "assets/page.js"
};
static const unsigned char pool_js[] = {
#embed "assets/pool.js"
};
static const unsigned char gateway_js[] = {
#embed "assets/gateway.js"
};
static const unsigned char view_js[] = {
#embed "assets/view.js"
};
static const unsigned char worker_js[] = {
#embed "assets/worker.js"
};
static const unsigned char solver_wasm[] = {
#embed "assets/solver.wasm"
};
static const unsigned char icon_svg[] = {
#embed "assets/icon.svg"
};

static const tollgate_page_file files[] = {
    {"page.html", "text/html; charset=utf-8", page_html, sizeof page_html},
    {"page.css", "text/css; charset=utf-8", page_css, sizeof page_css},
    {"page.js", "text/javascript; charset=utf-8", page_js, sizeof page_js},
    {"pool.js", "text/javascript; charset=utf-8", pool_js, sizeof pool_js},
    {"gateway.js", "text/javascript; charset=utf-8", gateway_js, sizeof gateway_js},
    {"view.js", "text/javascript; charset=utf-8", view_js, sizeof view_js},
    {"worker.js", "text/javascript; charset=utf-8", worker_js, sizeof worker_js},
    // Browsers compile it while it arrives only under this type.
    {"solver.wasm", "application/wasm", solver_wasm, sizeof solver_wasm},
    {"icon.svg", "image/svg+xml", icon_svg, sizeof icon_svg},
};

const tollgate_page_file *tollgate_page_files(size_t *count)
{
    *count = sizeof files / sizeof files[0];
    return files;
}
