// Keeps one worker busy with a target that no try meets, and counts. See rate.html.

const parameters = new URLSearchParams(location.search);
// A few milliseconds' work, so that the count is never far behind.
const count = 1 << 16;
// The browser compiles twice, the second time well and in the background: what comes before it is not measured.
const warmUp = 700;

const module = await WebAssembly.compile(await (await fetch(parameters.get("solver"))).arrayBuffer());
const worker = new Worker(`${parameters.get("page")}worker.js`);
const began = performance.now();
let at = 0;
let hashes = 0;

function feed() {
    const place = { generation: 1, round: 0, high: at >>> 16, low: (at & 0xffff) * count, count };
    worker.postMessage({ ...place, targetHigh: 0, targetLow: 0 });
    at += 1;
}

worker.onmessage = ({ data }) => {
    if (data.failed !== undefined) throw new Error(data.failed);
    hashes += data.count;
    document.body.dataset.hashes = hashes;
    if (performance.now() - began >= warmUp) document.body.dataset.warm = "";
    feed();
};

worker.postMessage({ begin: 1, module, token: "Measurement" });
// One range computes while the next one waits, as on the page.
feed();
feed();
