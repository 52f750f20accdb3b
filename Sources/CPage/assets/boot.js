// What can be said where the page's own scripts do not run: written for any browser that there is.
//
// It comes before page.js, and listens whether that fails to load, cannot be read, or is passed over.
(function () {
    "use strict";

    function words(key) {
        return JSON.parse(document.getElementById("words").textContent)[key];
    }

    function fail(reason, key) {
        var body = document.body;
        // From its first step on, page.js says by itself what happens.
        if (body.getAttribute("data-state") !== "starting") return;
        body.setAttribute("data-state", "failed");
        body.setAttribute("data-reason", reason);
        var title = document.querySelector("h1.own");
        if (title) title.textContent = document.title = words("script.failed");
        document.getElementById("work").hidden = true;
        document.getElementById("outcome").hidden = false;
        document.getElementById("reason").textContent = words(key);
        var again = document.getElementById("again");
        again.hidden = false;
        again.onclick = function () { location.reload(); };
        if (reason === "browser") body.className += " by-hand";
    }

    // Errors of elements do not bubble, but can be captured; those of scripts arrive here too, as when page.js is written
    // in words that this browser does not know.
    window.addEventListener("error", function (event) {
        var target = event.target;
        if (target && target.tagName === "SCRIPT") fail("download", "script.download");
        else if (target === window || !target) fail("browser", "script.browser");
    }, true);

    if (!("noModule" in document.createElement("script"))) fail("browser", "script.browser");
})();
