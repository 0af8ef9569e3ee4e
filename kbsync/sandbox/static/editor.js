// Previews the body as readers see it (the server sanitises it), and warns before unsaved text is lost.
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

  const fields = [...form.querySelectorAll("input, textarea")];
  const options = [...form.querySelectorAll("option")];
  let submitting = false;

  function isUnsaved() {
    return (
      "unsaved" in form.dataset ||
      fields.some((field) => field.value !== field.defaultValue) ||
      options.some((option) => option.selected !== option.defaultSelected)
    );
  }

  form.addEventListener("submit", () => {
    submitting = true;
  });
  window.addEventListener("pageshow", () => {
    submitting = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (!submitting && isUnsaved()) event.preventDefault();
  });
})();
