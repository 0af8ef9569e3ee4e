// Calls every function of the unmodified npm package freshdesk-api that concerns solutions.
const { createRequire } = require("node:module");
const assert = require("node:assert/strict");
const [url, key, home] = process.argv.slice(2);
const Freshdesk = createRequire(`${home}/package.json`)("freshdesk-api");
const client = new Freshdesk(url, key);

const call = (method, ...given) =>
  new Promise((resolve, reject) =>
    client[method](...given, (error, data, extra) => (error ? reject(error) : resolve({ data, extra }))),
  );
const refused = async (status, ...given) => {
  await assert.rejects(call(...given), (error) => error.status === status);
};

async function main() {
  const category = (await call("createSolutionCategory", { name: "Guides", description: "All of them" })).data;
  assert.equal((await call("getSolutionCategory", category.id)).data.name, "Guides");
  assert.equal((await call("updateSolutionCategory", category.id, { name: "Manuals" })).data.name, "Manuals");
  assert.ok((await call("listAllSolutionCategories")).data.some((one) => one.id === category.id));
  await refused(409, "createSolutionCategory", { name: "Manuals" });

  const folder = (await call("createSolutionFolder", category.id, { name: "First steps", visibility: 1 })).data;
  const inner = (await call("createSolutionFolder", category.id, { name: "Inner", parent_folder_id: folder.id })).data;
  assert.equal(inner.parent_folder_id, folder.id);
  assert.equal((await call("getSolutionFolder", folder.id)).data.sub_folders_count, 1);
  assert.equal((await call("updateSolutionFolder", folder.id, { description: "Begin" })).data.description, "Begin");
  const listed = (await call("listAllSolutionCategoryFolders", category.id)).data;
  assert.deepEqual(listed.map((one) => one.id), [folder.id]);

  const body = { title: "Hello", description: "<p>World</p>", status: 2, tags: ["a"] };
  const article = (await call("createSolutionArticle", folder.id, body)).data;
  assert.equal((await call("getSolutionArticle", article.id)).data.description_text, " World ");
  const edited = (await call("updateSolutionArticle", article.id, { title: "Hi", status: 1 })).data;
  assert.deepEqual([edited.title, edited.status], ["Hi", 1]);
  const found = await call("searchSolutionArticles", "World");
  assert.deepEqual(found.data.map((one) => one.id), [article.id]);
  assert.equal(found.extra.pageIsLast, true);
  await refused(400, "createSolutionArticle", folder.id, { title: "No body" });

  for (const [kind, id, given] of [
    ["Category", category.id, { name: "Guides (fr)" }],
    ["Folder", folder.id, { name: "Premiers pas" }],
    ["Article", article.id, { title: "Bonjour", description: "<p>Monde</p>", status: 2 }],
  ]) {
    await call(`createTranslatedSolution${kind}`, id, "fr", given);
    const change = kind === "Article" ? { title: "Salut" } : { description: "Texte" };
    await call(`updateTranslatedSolution${kind}`, id, "fr", change);
    const shown = (await call(`getTranslatedSolution${kind}`, id, "fr")).data;
    assert.equal(shown[Object.keys(change)[0]], Object.values(change)[0]);
  }

  for (let number = 0; number < 104; number += 1) {
    await call("createSolutionArticle", inner.id, { title: `Article ${number}`, description: "x", status: 1 });
  }
  const first = await call("listAllSolutionFolderArticles", inner.id);
  assert.equal(first.extra.pageIsLast, false);
  assert.match(first.extra._headersLink, /page=2/);
  assert.equal(first.data.length, 30);

  await call("deleteSolutionArticle", article.id);
  await refused(404, "getSolutionArticle", article.id);
  await call("deleteSolutionFolder", inner.id);
  await call("deleteSolutionCategory", category.id);
  await refused(404, "getSolutionFolder", folder.id);
  assert.equal((await call("getSettings")).data.primary_language, "en");
  console.log("passed");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
