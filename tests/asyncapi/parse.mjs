// The official parser's opinion of an AsyncAPI document: one line for each error or warning; exit code 1 where there is any.
import { readFile } from "node:fs/promises";
import { argv, exit } from "node:process";
import { Parser } from "@asyncapi/parser";

const WARNING = 1;
const { document, diagnostics } = await new Parser().parse(await readFile(argv[2], "utf8"));
const told = diagnostics.filter(({ severity }) => severity <= WARNING);
for (const { path, message } of told) console.log(`${path.join(".")}: ${message}`);
if (document) {
  const channels = document.channels().all();
  console.log(JSON.stringify({ operations: document.operations().all().length, channels: channels.length }));
}
exit(document && told.length === 0 ? 0 : 1);
