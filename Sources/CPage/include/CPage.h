// The challenge page's files, as they are embedded in the binary: no folder is needed beside it at run time.
#pragma once

#include <stddef.h>

/// One file of the page. All pointers are to constant data that lives as long as the process.
typedef struct {
    /// The file's name, NUL-terminated, without a folder: the last part of its URL.
    const char *name;
    /// The value of its `Content-Type` field, NUL-terminated.
    const char *content_type;
    /// Its content, `length` bytes, without a terminator.
    const unsigned char *bytes;
    size_t length;
} tollgate_page_file;

/// All files of the page; `*count` receives how many there are. Any thread may call it, at any time; it cannot fail.
///
/// The first is `page.html`, the template, which is sent only with its placeholders `{{name}}` replaced, each wherever it
/// stands, by text that is escaped for HTML, quotes included:
///
///     title, text, contact    the operator's words; contact may be empty
///     request_id, policy      the request's id, the policy's name (which also stands in a URL's query)
///     method                  the method of the refused request: a form cannot be sent again from the page
///     base                    the folder of the endpoints, `/.well-known/tollgate/`
///     challenge               the challenge object as JSON, for a script element: `<` written as \u003c, nothing else
///
/// The others are served as they are, each under `/.well-known/tollgate/page/` and its name.
const tollgate_page_file *tollgate_page_files(size_t *count);
