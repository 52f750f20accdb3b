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
/// The first is `page.html`, the template of every page that the gateway shows. It is sent only with its tags replaced:
///
///     {{name}}                 a value, which is HTML already
///     {{words.key}}            a text of the page's language, escaped; {name} in it is a value
///     {{#name}}…{{/name}}      what stands between, where the value is not empty; {{^name}}…{{/name}}: where it is
///
/// with these values:
///
///     lang, dir                language and direction of the page's texts
///     title, text, contact     the operator's words, or the page's own; contact may be empty
///     own_title, own_text      "1" where they are the page's own
///     logo                     URL of the operator's picture, or empty
///     request_id, policy       the request's id, the policy's name (which also stands in a URL's query)
///     base, files              folders: of the endpoints, and of these files in this version
///     return_path              the address that was asked for, a path of this origin
///     state                    what `data-state` is at first
///
///   on a page with a challenge, where `challenge` is not empty:
///
///     challenge, script_words  the challenge object, and the scripts' texts, as JSON for a script element
///     challenge_text, token    the object again, and its token, as text
///     rounds, expires          number of rounds; how long the challenge lives, in words
///     form                     none, replay or lost: what becomes of what the request sent
///     replay, fields           "1" for a form that is sent again, and its fields as input elements
///     lost                     why it is not sent again
///     answer_path              where the browser goes from the form for the answer
///     fetch                    the command that fetches a page
///
///   on any other:
///
///     status                   the response's status
///     retry_after, retry       when waiting would do, in words; "1" where another try may help
///     technical                what a technician would want to know, in English
///
/// Files under `words/` hold the texts, one flat JSON object a language, all with the same names; they are not served. A
/// text with variants for counts is written `one={n} second|other={n} seconds`, by the categories of Unicode's CLDR.
/// Names that begin with `script.`, those of durations, and those that end with `.text` are for scripts too.
///
/// The others are served as they are, each under `/.well-known/tollgate/page/`, with or without a version, and its name.
const tollgate_page_file *tollgate_page_files(size_t *count);
