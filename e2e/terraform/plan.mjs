// What a Terraform configuration would make, without a provider: HashiCorp's own parser reads it, and expressions are evaluated here over
// attributes that are made up for what only AWS could say. It knows as much of the language as deploy/terraform needs; anything else is an error.
// In: [{"folder": "...", "variables": {...}}] on standard input. Out: of each what stands in the files, what is referred to, and what would be made.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { parse, getExpressionAst } = createRequire(join(process.env.MODULES, "package.json"))("@cdktf/hcl2json");
const REGION = "eu-west-1", ACCOUNT = "111122223333";
const META = ["count", "for_each", "provider", "providers", "depends_on", "lifecycle", "source", "version"];
const NO_REFERENCES = ["type", "provider", "providers", "configuration_aliases", "ignore_changes"];
const trees = new Map();

async function tree(text) {
  if (!trees.has(text)) trees.set(text, getExpressionAst("expression", text));
  return trees.get(text);
}

// parts of a template as the parser leaves it: text, and what stands in ${…}
function parts(text) {
  const found = [];
  let at = 0, said = "";
  while (at < text.length) {
    if (text.startsWith("$${", at)) { said += "${"; at += 3; continue; }
    if (!text.startsWith("${", at)) { said += text[at++]; continue; }
    let depth = 1, end = at + 2, quoted = false;
    for (; depth > 0; end++) {
      if (text[end] === undefined) throw new Error(`no end of \${ in ${text}`);
      if (text[end] === '"' && text[end - 1] !== "\\") quoted = !quoted;
      if (text[end] === "{") depth++;
      if (text[end] === "}") depth--;
    }
    if (said) found.push({ text: said });
    said = "";
    found.push({ expression: text.slice(at + 2, end - 1).trim() });
    at = end;
  }
  if (said || !found.length) found.push({ text: said });
  return found;
}

const unescaped = text => text.replace(/\\(.)/g, (_, it) => ({ n: "\n", t: "\t" })[it] ?? it).replaceAll("$${", "${");

const functions = {
  alltrue: all => all.every(it => it === true),
  concat: (...lists) => lists.flat(),
  contains: (list, it) => list.includes(it),
  floor: Math.floor,
  join: (joint, list) => list.join(joint),
  jsonencode: value => JSON.stringify(value, (_, it) => it && typeof it === "object" && !Array.isArray(it) ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => a < b ? -1 : 1)) : it),
  keys: map => Object.keys(map).sort(),
  length: it => Array.isArray(it) || typeof it === "string" ? it.length : Object.keys(it).length,
  merge: (...maps) => Object.assign({}, ...maps),
  one: list => { if (list.length > 1) throw new Error("one() of several"); return list[0] ?? null; },
  replace: (text, from, to) => text.replaceAll(from, to),
  regex: (pattern, text) => { if (!new RegExp(pattern).test(text)) throw new Error("no match"); return text; },
  sort: list => [...list].sort(),
  startswith: (text, start) => text.startsWith(start),
  toset: list => [...new Set(list)].sort(),
  values: map => Object.keys(map).sort().map(it => map[it]),
  cidrhost: range => { if (!/^\d+\.\d+\.\d+\.\d+\/([0-9]|[12][0-9]|3[0-2])$/.test(range)) throw new Error(`no range: ${range}`); return range.split("/")[0]; },
};

const operators = {
  equal: (a, b) => JSON.stringify(a) === JSON.stringify(b), notEqual: (a, b) => JSON.stringify(a) !== JSON.stringify(b),
  greaterThan: (a, b) => a > b, greaterThanOrEqual: (a, b) => a >= b, lessThan: (a, b) => a < b, lessThanOrEqual: (a, b) => a <= b,
  modulo: (a, b) => a % b, add: (a, b) => a + b,
};

// A resource or data source that would be made: what is written, and what only AWS could say.
class Instance {
  constructor(module, type, name, body, scope, index) {
    Object.assign(this, { module, type, name, body, scope });
    this.address = [...module.path.flatMap(it => ["module", it]), type, name].join(".") + index;
    this.own = [...module.path, name].join("-").replaceAll("_", "-") + index.replace(/\W+/g, "-").replace(/-$/, "");
  }

  async get(attribute) {
    return attribute in this.body ? this.module.value(this.body[attribute], this.scope) : this.madeUp(attribute);
  }

  madeUp(attribute) {
    const at = service => `arn:aws:${service}:${REGION}:${ACCOUNT}:`;
    const arns = { aws_s3_bucket: `arn:aws:s3:::${this.own}`, aws_sqs_queue: at("sqs") + this.own, aws_kms_key: at("kms") + `key/${this.own}`, aws_iam_role: `arn:aws:iam::${ACCOUNT}:role/${this.own}` };
    const known = { arn: arns[this.type] ?? `arn:aws:made-up:::${this.own}`, id: this.own, name: this.own, url: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${this.own}`,
      region: REGION, partition: "aws", dns_suffix: "amazonaws.com", account_id: ACCOUNT, master_user_secret: [{ secret_arn: at("secretsmanager") + `secret:${this.own}` }], address: `${this.own}.rds.example` };
    return known[attribute] ?? `${this.address}.${attribute}`;
  }

  async all() {
    const made = {};
    for (const [key, it] of Object.entries(this.body)) if (!META.includes(key)) made[key] = await this.module.value(it, this.scope);
    return made;
  }
}

class Module {
  constructor(folder, path, given, report) {
    Object.assign(this, { folder, path, given, report, memory: new Map(), blocks: {} });
  }

  async read() {
    for (const file of readdirSync(this.folder).filter(it => it.endsWith(".tf")).sort()) {
      const parsed = await parse(file, readFileSync(join(this.folder, file), "utf8"));
      for (const [kind, it] of Object.entries(parsed)) (this.blocks[kind] ??= []).push(it);
      await this.refer(parsed, file, new Set());
    }
    this.report.modules[this.path.join(".")] = { folder: this.folder, blocks: this.blocks };
    this.locals = Object.assign({}, ...(this.blocks.locals ?? []).flat());
    return this;
  }

  named(kind) {
    return Object.assign({}, ...(this.blocks[kind] ?? []));
  }

  // every reference, also in branches that are not taken
  async refer(it, file, known) {
    if (Array.isArray(it)) for (const one of it) await this.refer(one, file, known);
    else if (it && typeof it === "object") for (const [key, one] of Object.entries(it)) { if (!NO_REFERENCES.includes(key)) await this.refer(one, file, known); }
    else if (typeof it === "string" && it.includes("${")) for (const part of parts(it)) if (part.expression) this.walk(await tree(part.expression), file, known);
  }

  walk(node, file, known) {
    const inner = node.type === "for" ? new Set([...known, node.meta.keyVar, node.meta.valVar]) : known;
    if (node.type === "scopeTraversal" && !known.has(node.meta.traversal[0].segment)) this.report.references.push({ module: this.path.join("."), file, to: node.meta.traversal.map(it => it.segment) });
    for (const child of node.children) this.walk(child, file, inner);
  }

  // what refers to itself waits for itself, and the program ends without an answer
  async once(key, make) {
    if (!this.memory.has(key)) this.memory.set(key, make());
    return this.memory.get(key);
  }

  async value(it, scope = {}) {
    if (Array.isArray(it)) return Promise.all(it.map(one => this.value(one, scope)));
    if (it && typeof it === "object") return Object.fromEntries(await Promise.all(Object.entries(it).map(async ([key, one]) => [await this.value(key, scope), await this.value(one, scope)])));
    if (typeof it !== "string" || !it.includes("${")) return it;
    return this.template(it, scope);
  }

  async template(text, scope) {
    const found = parts(text);
    const made = [];
    for (const part of found) made.push(part.expression ? await this.evaluate(await tree(part.expression), scope) : part.text);
    return found.length === 1 ? made[0] : made.join("");
  }

  async evaluate(node, scope) {
    const inner = index => this.evaluate(node.children[index], scope);
    const all = () => Promise.all(node.children.map((_, index) => inner(index)));
    switch (node.type) {
      case "": return inner(0);
      case "literalValue": return node.meta.type === "string" ? unescaped(node.meta.value) : JSON.parse(node.meta.value);
      case "template": return node.children.length === 1 ? inner(0) : (await all()).join("");
      case "templateWrap": return inner(0);
      case "tuple": return all();
      case "object": {
        const pairs = [];
        for (const [key, text] of Object.entries(node.meta.items)) {
          const named = key.startsWith('"') || key.startsWith("(") ? await this.evaluate(await tree(key), scope) : key;
          pairs.push([named, await this.evaluate(await tree(text), scope)]);
        }
        return Object.fromEntries(pairs);
      }
      case "conditional": return inner(await inner(0) ? 1 : 2);
      case "unaryOp": return node.meta.operator === "logicalNot" ? !await inner(0) : -await inner(0);
      case "binaryOp": {
        if (node.meta.operator === "logicalAnd") return await inner(0) && await inner(1);
        if (node.meta.operator === "logicalOr") return await inner(0) || await inner(1);
        if (!operators[node.meta.operator]) throw new Error(`operator ${node.meta.operator} is not known here`);
        return operators[node.meta.operator](...await all());
      }
      case "function": return this.call(node, scope);
      case "for": {
        if (node.meta.keyExpression) throw new Error("maps by `for` are not known here");
        const over = await inner(0), made = [];
        for (const [key, value] of Object.entries(over)) made.push(await this.evaluate(node.children[1], { ...scope, [node.meta.valVar]: value, ...(node.meta.keyVar ? { [node.meta.keyVar]: key } : {}) }));
        return made;
      }
      case "splat": {
        const over = await inner(0), rest = node.children[1].meta?.traversal ?? [];
        return Promise.all((Array.isArray(over) ? over : over === null ? [] : [over]).map(it => this.follow(it, rest)));
      }
      case "index": return this.follow(await inner(0), [{ segment: JSON.stringify(await inner(1)) }]);
      case "relativeTraversal": return this.follow(await inner(0), node.meta.traversal);
      case "scopeTraversal": return this.look(node.meta.traversal, scope);
      default: throw new Error(`\`${node.type}\` is not known here: ${node.meta?.value}`);
    }
  }

  async call(node, scope) {
    const { name } = node.meta, given = () => Promise.all(node.children.map(it => this.evaluate(it, scope)));
    if (name === "can") return this.evaluate(node.children[0], scope).then(() => true, () => false);
    if (name === "file") return readFileSync((await given())[0], "utf8");
    if (name === "templatefile") return this.file(...await given());
    if (!functions[name]) throw new Error(`function ${name} is not known here`);
    return functions[name](...await given());
  }

  // a file with ${…} and %{ if … ~} … %{ endif ~}
  async file(path, scope) {
    let text = readFileSync(path, "utf8"), found;
    while ((found = text.match(/^%\{ if ([^}]+?) ~\}\n(.*?)^%\{ endif ~\}\n/ms))) {
      const holds = await this.evaluate(await tree(found[1]), scope);
      text = text.slice(0, found.index) + (holds ? found[2] : "") + text.slice(found.index + found[0].length);
    }
    return this.template(text, scope);
  }

  async follow(value, steps) {
    for (const { segment } of steps) {
      const key = segment.startsWith('"') ? JSON.parse(segment) : segment;
      if (value === null || value === undefined) throw new Error(`nothing has no ${key}`);
      value = value instanceof Instance ? await value.get(key) : value[key];
      if (value === undefined) throw new Error(`there is no ${key}`);
    }
    return value;
  }

  async look(traversal, scope) {
    const [root, name, ...rest] = traversal.map(it => it.segment);
    const steps = count => traversal.slice(count);
    if (root in scope) return this.follow(scope[root], steps(1));
    if (root === "var") return this.follow(await this.variable(name), steps(2));
    if (root === "path") return this.folder;
    if (root === "local") {
      if (!(name in this.locals)) throw new Error(`there is no local.${name}`);
      return this.follow(await this.once(`local.${name}`, () => this.value(this.locals[name])), steps(2));
    }
    if (root === "module") return this.follow(await (await this.child(name)).output(rest[0]), steps(3));
    if (root === "data") return this.follow(await this.instances("data", name, rest[0]), steps(3));
    return this.follow(await this.instances("resource", root, name), steps(2));
  }

  async variable(name) {
    const declared = this.named("variable")[name]?.[0];
    if (!declared) throw new Error(`there is no var.${name}`);
    return this.once(`var.${name}`, async () => {
      if (!(name in this.given) && !("default" in declared)) throw new Error(`var.${name} is not given`);
      const value = name in this.given ? await this.given[name]() : await this.value(declared.default);
      return value === null ? null : this.completed(value, declared.type);
    });
  }

  // what `optional(type, default)` adds
  async completed(value, type) {
    const found = type?.match(/^\$\{object\((.*)\)\}$/s);
    if (!found) return value;
    const made = { ...value };
    const { items } = (await tree(found[1])).meta;
    for (const [key, text] of Object.entries(items)) {
      const node = await tree(text);
      if (key in made) continue;
      if (node.type !== "function" || node.meta.name !== "optional") throw new Error(`${key} is missing`);
      made[key] = node.children[1] ? await this.evaluate(node.children[1], {}) : null;
    }
    for (const key of Object.keys(made)) if (!(key in items)) throw new Error(`there is no ${key}`);
    return made;
  }

  async instances(kind, type, name) {
    const body = this.named(kind)[type]?.[name]?.[0] ?? [].concat(...(this.blocks[kind] ?? []).map(it => it[type]?.[name] ?? []))[0];
    if (!body) throw new Error(`there is no ${type}.${name}`);
    return this.once(`${kind}.${type}.${name}`, async () => {
      const make = (scope, index) => new Instance(this, type, name, body, scope, index);
      if ("count" in body) return Array.from({ length: await this.value(body.count) }, (_, index) => make({ count: { index } }, `[${index}]`));
      if (!("for_each" in body)) return make({}, "");
      const over = await this.value(body.for_each);
      const pairs = Array.isArray(over) ? over.map(it => [it, it]) : Object.entries(over);
      return Object.fromEntries(pairs.map(([key, value]) => [key, make({ each: { key, value } }, `["${key}"]`)]));
    });
  }

  async child(name) {
    return this.once(`module.${name}`, async () => {
      const body = this.named("module")[name][0];
      const given = Object.fromEntries(Object.keys(body).filter(it => !META.includes(it)).map(key => [key, () => this.value(body[key])]));
      return new Module(join(this.folder, body.source), [...this.path, name], given, this.report).read();
    });
  }

  async output(name) {
    const declared = this.named("output")[name]?.[0];
    if (!declared) throw new Error(`there is no output ${name} of module ${this.path.join(".")}`);
    return this.once(`output.${name}`, () => this.value(declared.value));
  }

  async refused(rules, where) {
    for (const rule of rules ?? []) if (await this.value(rule.condition) !== true) this.report.refused.push(`${where}: ${rule.error_message}`);
  }

  async make() {
    for (const [name, [declared]] of Object.entries(this.named("variable"))) {
      await this.variable(name);
      await this.refused(declared.validation, `var.${name}`);
    }
    for (const kind of ["data", "resource"]) for (const block of this.blocks[kind] ?? []) for (const [type, named] of Object.entries(block)) for (const name of Object.keys(named)) {
      const found = await this.instances(kind, type, name);
      for (const it of found instanceof Instance ? [found] : Object.values(found)) this.report.made[it.address] = { kind, type, attributes: await it.all() };
      await this.refused(named[name][0].lifecycle?.[0]?.precondition, `${type}.${name}`);
    }
    for (const name of Object.keys(this.named("output"))) await this.output(name);
    for (const name of Object.keys(this.named("module"))) await (await this.child(name)).make();
  }
}

async function planned({ folder, variables }) {
  if (!existsSync(folder)) throw new Error(`no folder ${folder}`);
  const report = { modules: {}, references: [], refused: [], made: {}, outputs: {}, failed: null };
  const given = Object.fromEntries(Object.entries(variables ?? {}).map(([key, it]) => [key, async () => it]));
  try {
    const root = await new Module(folder, [], given, report).read();
    await root.make();
    for (const name of Object.keys(root.named("output"))) report.outputs[name] = await root.output(name);
  } catch (error) {
    report.failed = error.message;
  }
  return report;
}

let read = "";
for await (const piece of process.stdin) read += piece;
const reports = [];
for (const job of JSON.parse(read)) reports.push(await planned(job));
console.log(JSON.stringify(reports));
