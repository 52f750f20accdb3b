/// The page on which the browser measures: it asks the benchmark what to do, does it, and says what came out.
enum BrowserSolverPage {
    static let html = """
        <!DOCTYPE html>
        <meta charset="utf-8">
        <title>tollgate-benchmark</title>
        <script src="measure.js"></script>
        """

    /// `GET next` is answered when there is something to measure: a solver's file and milliseconds. The shipped worker
    /// then searches ranges of about the page's own size for a target that nothing meets, so that all of it is search.
    static let script = """
        "use strict";
        const rangeSeconds = 0.02;
        const solvers = new Map();

        async function solver(name) {
            if (!solvers.has(name)) {
                const response = await fetch(name);
                if (!response.ok) throw new Error(`${name}: status ${response.status}`);
                const module = await WebAssembly.compile(await response.arrayBuffer());
                const worker = new Worker("worker.js");
                worker.postMessage({ begin: 1, module, token: "t".repeat(150) });
                solvers.set(name, { worker, high: 0, low: 0, count: 8192 });
            }
            return solvers.get(name);
        }

        function measure(state, milliseconds) {
            return new Promise((resolve, reject) => {
                const { worker } = state;
                const begin = performance.now();
                let hashes = 0;
                let ahead = 0;
                const feed = () => {
                    while (ahead < 2 && performance.now() - begin < milliseconds) {
                        if (state.low + state.count > 2 ** 32) {
                            state.low = 0;
                            state.high += 1;
                        }
                        const { high, low, count } = state;
                        worker.postMessage({ generation: 1, round: 0, high, low, count, targetHigh: 0, targetLow: 0 });
                        state.low += count;
                        ahead += 1;
                    }
                };
                worker.onerror = (event) => reject(new Error(event.message || "the worker did not start"));
                worker.onmessage = ({ data }) => {
                    if (data.failed !== undefined) return reject(new Error(data.failed));
                    if (data.found !== -1) return reject(new Error("a target that nothing meets was met"));
                    ahead -= 1;
                    hashes += data.count;
                    const seconds = (performance.now() - begin) / 1000;
                    const wanted = Math.min((hashes / seconds) * rangeSeconds, 2 ** 24);
                    state.count = 4 * Math.ceil(Math.max(8192, wanted) / 4);
                    feed();
                    if (ahead === 0) resolve(`${hashes} ${seconds}`);
                };
                feed();
            });
        }

        async function run() {
            for (;;) {
                const response = await fetch("next", { cache: "no-store" });
                if (!response.ok) return;
                const { file, milliseconds } = await response.json();
                let body;
                let path = "result";
                try {
                    body = await measure(await solver(file), milliseconds);
                } catch (error) {
                    path = "failure";
                    body = String(error).slice(0, 500);
                }
                await fetch(path, { method: "POST", body });
            }
        }

        run();
        """
}
