/* Asks the browser to keep the page that is shown without a network. No module: it may stand before an import map. */

if ("serviceWorker" in navigator) {
  addEventListener("load", () => {
    const { lang } = document.documentElement;
    // Each language has a worker of its own address: another language, another page.
    navigator.serviceWorker.register(`/service-worker.js?language=${lang}`).catch(() => {}); // it goes without, too
  });
}
