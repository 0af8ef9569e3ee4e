// Shows the body of the agent's form as readers will see it; the server sanitises it, this only puts it in its place.
(() => {
  const form = document.querySelector("form.editor");
  const source = form.querySelector("[data-preview]");
  const pane = form.querySelector("[data-preview-pane]");
  const token = form.querySelector("input[name=token]").value;
  let waiting;
  let latest = 0;

  async function show() {
    const turn = ++latest;
    const answer = await fetch("/a/solutions/preview", {
      method: "POST",
      body: new URLSearchParams({ token, body: source.value }),
    });
    if (answer.ok && turn === latest) pane.innerHTML = await answer.text();
  }

  source.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 250);
  });
})();
