#include "CPage.h"

// C23's #embed puts a file's bytes here when this is compiled; names are relative to this file.
static const unsigned char page_html[] = {
#embed "assets/page.html"
};
static const unsigned char page_css[] = {
#embed "assets/page.css"
};
static const unsigned char manual_css[] = {
#embed "assets/manual.css"
};
static const unsigned char boot_js[] = {
#embed "assets/boot.js"
};
static const unsigned char page_js[] = {
#embed "assets/page.js"
};
static const unsigned char onward_js[] = {
#embed "assets/onward.js"
};
static const unsigned char solver_js[] = {
#embed "assets/solver.js"
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
static const unsigned char words_js[] = {
#embed "assets/words.js"
};
static const unsigned char worker_js[] = {
#embed "assets/worker.js"
};
static const unsigned char sha256_js[] = {
#embed "assets/sha256.js"
};
static const unsigned char solver_wasm[] = {
#embed "assets/solver.wasm"
};
static const unsigned char scalar_wasm[] = {
#embed "assets/scalar.wasm"
};
static const unsigned char icon_svg[] = {
#embed "assets/icon.svg"
};
static const unsigned char words_en_json[] = {
#embed "assets/words/en.json"
};
static const unsigned char words_de_json[] = {
#embed "assets/words/de.json"
};
static const unsigned char words_fr_json[] = {
#embed "assets/words/fr.json"
};
static const unsigned char words_es_json[] = {
#embed "assets/words/es.json"
};
static const unsigned char words_pt_json[] = {
#embed "assets/words/pt.json"
};
static const unsigned char words_ja_json[] = {
#embed "assets/words/ja.json"
};
static const unsigned char words_zh_json[] = {
#embed "assets/words/zh.json"
};
static const unsigned char words_zh_Hant_json[] = {
#embed "assets/words/zh-Hant.json"
};
static const unsigned char words_ar_json[] = {
#embed "assets/words/ar.json"
};

#define FILE_OF(name, type, bytes) {name, type, bytes, sizeof bytes}

static const tollgate_page_file files[] = {
    FILE_OF("page.html", "text/html; charset=utf-8", page_html),
    FILE_OF("page.css", "text/css; charset=utf-8", page_css),
    FILE_OF("manual.css", "text/css; charset=utf-8", manual_css),
    FILE_OF("boot.js", "text/javascript; charset=utf-8", boot_js),
    FILE_OF("page.js", "text/javascript; charset=utf-8", page_js),
    FILE_OF("onward.js", "text/javascript; charset=utf-8", onward_js),
    FILE_OF("solver.js", "text/javascript; charset=utf-8", solver_js),
    FILE_OF("pool.js", "text/javascript; charset=utf-8", pool_js),
    FILE_OF("gateway.js", "text/javascript; charset=utf-8", gateway_js),
    FILE_OF("view.js", "text/javascript; charset=utf-8", view_js),
    FILE_OF("words.js", "text/javascript; charset=utf-8", words_js),
    FILE_OF("worker.js", "text/javascript; charset=utf-8", worker_js),
    FILE_OF("sha256.js", "text/javascript; charset=utf-8", sha256_js),
    // Browsers compile it while it arrives only under this type.
    FILE_OF("solver.wasm", "application/wasm", solver_wasm),
    FILE_OF("scalar.wasm", "application/wasm", scalar_wasm),
    FILE_OF("icon.svg", "image/svg+xml", icon_svg),
    FILE_OF("words/en.json", "application/json", words_en_json),
    FILE_OF("words/de.json", "application/json", words_de_json),
    FILE_OF("words/fr.json", "application/json", words_fr_json),
    FILE_OF("words/es.json", "application/json", words_es_json),
    FILE_OF("words/pt.json", "application/json", words_pt_json),
    FILE_OF("words/ja.json", "application/json", words_ja_json),
    FILE_OF("words/zh.json", "application/json", words_zh_json),
    FILE_OF("words/zh-Hant.json", "application/json", words_zh_Hant_json),
    FILE_OF("words/ar.json", "application/json", words_ar_json),
};

const tollgate_page_file *tollgate_page_files(size_t *count)
{
    *count = sizeof files / sizeof files[0];
    return files;
}
