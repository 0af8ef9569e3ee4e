// Shows the body in the agent's form as readers see it; the server sanitises it.
(() => {
  const form = document.querySelector("form.editor");
  const source = form.querySelector("[data-preview]");
  const pane = form.querySelector("[data-preview-pane]");
  const token = form.querySelector("input[name=token]").value;
  let timer;
  let latest = 0;

  async function show() {
    const number = ++latest;
    const response = await fetch("/a/solutions/preview", {
      method: "POST",
      body: new URLSearchParams({ token, body: source.value }),
    });
    if (response.ok && number === latest) pane.innerHTML = await response.text();
  }

  source.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 250);
  });
})();
