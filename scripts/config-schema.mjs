// The JSON Schema of a config file, for editors: made from the schemas that check it, so that the two cannot differ.

const DURATION = { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|s|m|h|d)$" };
const NAME = { type: "string", minLength: 1, maxLength: 256 };
/** What a field of these types is made of exists in code alone. */
const OF_CODE = new Set(["function", "sink"]);
/** A name that stands alone in YAML, with nothing after it, is null. */
const EMPTY = { type: "null" };

export function configSchema(core) {
  const { PART_KINDS, KINDS, SHAREABLE } = core;
  const spec = specSchema(core, [{ type: "string", description: "A name under shared." }]);
  const policy = structuredClone(spec);
  policy.properties.extends = {
    type: "string",
    description: "A policy of this file whose options are meant where this one says nothing.",
  };
  const shared = objectOf(
    Object.fromEntries(SHAREABLE.map((kind) => [kind, { $ref: `#/$defs/${kind}` }])),
  );
  const defs = PART_KINDS.filter((kind) => isOfFile(core, kind)).map((kind) => [
    kind,
    partSchema(core, KINDS[kind].schema),
  ]);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Breakwater config",
    ...objectOf({
      $schema: { description: "Where this schema is, for editors." },
      shared: named(shared, "Parts that policies share, by name."),
      defaults: {
        anyOf: [spec, EMPTY],
        description: "What is meant where neither code nor a policy of this file says anything.",
      },
      policies: named({ anyOf: [policy, EMPTY] }, "Policies by name."),
      overrides: {
        anyOf: [{ type: "array", maxItems: 1_000, items: { anyOf: overrideSchemas(core) } }, EMPTY],
        description: "What operators have laid over policies.",
      },
    }),
    $defs: Object.fromEntries(defs),
  };
}

function objectOf(properties, required) {
  return { type: "object", additionalProperties: false, ...(required && { required }), properties };
}

function named(additionalProperties, description) {
  const map = { type: "object", propertyNames: NAME, additionalProperties };
  return { anyOf: [map, EMPTY], description };
}

/** Parts by kind, and the policy's own options beside them; `references` are what else may stand for a shared part. */
function specSchema(core, references) {
  const { PART_KINDS, policySchema } = core;
  const { name: _, ...own } = policySchema.fields;
  const options = Object.entries(own).filter(([name]) => !PART_KINDS.includes(name));
  const kinds = PART_KINDS.map((kind) => [kind, kindSchema(core, kind, references)]);
  return objectOf({
    ...Object.fromEntries(kinds),
    ...fieldSchemas(core, Object.fromEntries(options)),
  });
}

function kindSchema(core, kind, references) {
  const { schema, plain } = core.KINDS[kind];
  const whole = isOfFile(core, kind) ? [{ $ref: `#/$defs/${kind}` }] : [];
  const short = plain === undefined ? [] : durationSchema(core, schema.fields[plain]).anyOf;
  const shared = core.SHAREABLE.includes(kind) ? references : [];
  const options = whole.length === 0 ? "" : `The options of ${schema.title}; `;
  return { anyOf: [...whole, EMPTY, ...short, ...shared], description: `${options}null: none.` };
}

/** Of a part that cannot be without something of code, a file can only say that there is none. */
function isOfFile({ KINDS, docOf }, kind) {
  const docs = Object.values(KINDS[kind].schema.fields).map(docOf);
  return !docs.some((doc) => OF_CODE.has(doc.type) && doc.default === "required");
}

function partSchema(core, { title, fields }) {
  const method = {
    type: "string",
    minLength: 1,
    description: "The name of a method of the class.",
  };
  return objectOf({
    ...(title === "fallback" ? { answer: method } : {}),
    ...fieldSchemas(core, fields),
  });
}

function fieldSchemas(core, fields) {
  const ofFile = Object.entries(fields).filter(([, field]) => !OF_CODE.has(core.docOf(field).type));
  return Object.fromEntries(ofFile.map(([name, field]) => [name, fieldSchema(core, field)]));
}

function fieldSchema(core, field) {
  const doc = core.docOf(field);
  const byDefault = doc.default === "none" ? "" : ` Default: ${doc.default}.`;
  return { ...valueSchema(core, field, doc), description: `${capital(doc.meaning)}.${byDefault}` };
}

function valueSchema(core, field, { type }) {
  if (type === "duration") return durationSchema(core, field);
  if (type === "window") return windowSchema;
  if (type === "flag or function") return { type: "boolean" };
  const { $schema: _, doc: _doc, ...made } = madeOf(core, field);
  if (made.minimum !== Number.MIN_VALUE) return made;
  const { minimum: _minimum, ...above } = made;
  return { ...above, exclusiveMinimum: 0 };
}

function madeOf({ toJsonSchema, schemaOf }, field) {
  return toJsonSchema(schemaOf(field), { typeMode: "input", errorMode: "ignore" });
}

function durationSchema(core, field) {
  const { minimum, maximum } = madeOf(core, field);
  return { anyOf: [{ type: "integer", minimum, maximum }, DURATION] };
}

/** One for each shape that an override has in a file. */
function overrideSchemas(core) {
  const { fields } = core.overrideSchema;
  const meaning = (name) => ({ description: `${capital(core.docOf(fields[name]).meaning)}.` });
  const verb = (...names) => ({ verb: { enum: names, ...meaning("verb") } });
  const text = (...names) =>
    Object.fromEntries(names.map((name) => [name, { ...NAME, ...meaning(name) }]));
  const one = { policy: { ...NAME, not: { const: "*" }, ...meaning("policy") } };
  const patch = { patch: { ...specSchema(core, []), ...meaning("patch") } };
  const asked = ["verb", "policy", "by", "why"];
  const texts = text("policy", "key", "by", "why");
  return [
    objectOf({ ...verb("block", "bypass"), ...texts, until: untilSchema }, [...asked, "until"]),
    objectOf({ ...verb("tune"), ...one, ...text("by", "why"), until: untilSchema, ...patch }, [
      ...asked,
      "until",
      "patch",
    ]),
    objectOf({ ...verb("reset"), ...texts }, asked),
  ];
}

const untilSchema = {
  anyOf: [
    { const: "cleared" },
    {
      type: "string",
      pattern:
        "^\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,3})?)?(Z|[+-]\\d\\d:\\d\\d)$",
    },
  ],
  description: "A time with its zone, such as 2026-11-24T03:45:00Z; or cleared.",
};

const windowSchema = {
  anyOf: [
    {
      type: "object",
      additionalProperties: false,
      required: ["ms"],
      properties: {
        ms: { anyOf: [{ type: "integer", minimum: 10, maximum: 2 ** 31 - 1 }, DURATION] },
      },
    },
    {
      type: "object",
      additionalProperties: false,
      required: ["count"],
      properties: { count: { type: "integer", minimum: 1, maximum: 1_000_000 } },
    },
  ],
};

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
