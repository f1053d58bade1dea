// The JSON Schema of a config file, for editors: made from the schemas that check it, so that the two cannot differ.

const NEVER_IN_A_FILE = new Set(["name", "key"]);
const DURATION = { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|s|m|h|d)$" };

export function configSchema({
  KINDS,
  PART_KINDS,
  SHAREABLE,
  policySchema,
  overrideSchema,
  docOf,
  schemaOf,
  toJsonSchema,
}) {
  const fieldSchema = (field) => {
    const doc = docOf(field);
    const { $schema: _, ...made } = toJsonSchema(schemaOf(field), {
      typeMode: "input",
      errorMode: "ignore",
    });
    const byDefault = doc.default === "none" ? "" : ` Default: ${doc.default}.`;
    const described = { description: `${capital(doc.meaning)}.${byDefault}` };
    if (doc.type === "duration")
      return { anyOf: [{ type: "integer", minimum: 0 }, DURATION], ...described };
    if (doc.type === "window") return { ...windowSchema, ...described };
    if (doc.type === "flag or function") return { type: "boolean", ...described };
    return { ...made, ...described };
  };
  const objectOf = (fields) => ({
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(fields)
        .filter(([name, field]) => !NEVER_IN_A_FILE.has(name) && docOf(field).type !== "function")
        .map(([name, field]) => [name, fieldSchema(field)]),
    ),
  });
  const kindSchema = (kind) => {
    const { schema, plain } = KINDS[kind];
    const whole = { $ref: `#/$defs/${kind}` };
    const others = [{ type: "null" }];
    if (plain !== undefined) others.push({ type: "integer", minimum: 1 }, DURATION);
    if (SHAREABLE.includes(kind))
      others.push({ type: "string", description: "A name under shared." });
    return {
      anyOf: [whole, ...others],
      description: `The options of ${schema.title}; null: none.`,
    };
  };
  const own = Object.fromEntries(
    Object.entries(policySchema.fields).filter(([name]) => !PART_KINDS.includes(name)),
  );
  const kinds = Object.fromEntries(PART_KINDS.map((kind) => [kind, kindSchema(kind)]));
  const spec = objectOf(own);
  spec.properties = { ...kinds, ...spec.properties };
  const meaningOf = (name) => ({
    description: `${capital(docOf(overrideSchema.fields[name]).meaning)}.`,
  });
  const text = { type: "string", minLength: 1, maxLength: 256 };
  const override = {
    type: "object",
    additionalProperties: false,
    required: ["verb", "policy", "by", "why"],
    properties: {
      verb: { enum: ["block", "bypass", "tune", "reset"], ...meaningOf("verb") },
      ...Object.fromEntries(
        ["policy", "key", "by", "why"].map((name) => [name, { ...text, ...meaningOf(name) }]),
      ),
      until: {
        type: "string",
        description: "A time with its zone, such as 2026-11-24T03:45:00Z; or cleared.",
      },
      patch: { ...spec, ...meaningOf("patch") },
    },
  };
  const policy = structuredClone(spec);
  policy.properties.extends = {
    type: "string",
    description: "A policy of this file whose options are meant where this one says nothing.",
  };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Breakwater config",
    type: "object",
    additionalProperties: false,
    properties: {
      $schema: { type: "string" },
      shared: {
        type: "object",
        description: "Parts that policies share, by name.",
        additionalProperties: {
          type: "object",
          additionalProperties: false,
          properties: Object.fromEntries(
            SHAREABLE.map((kind) => [kind, { $ref: `#/$defs/${kind}` }]),
          ),
        },
      },
      defaults: {
        ...spec,
        description: "What is meant where neither code nor a policy of this file says anything.",
      },
      policies: {
        type: "object",
        description: "Policies by name.",
        additionalProperties: { anyOf: [policy, { type: "null" }] },
      },
      overrides: {
        type: "array",
        description: "What operators have laid over policies.",
        items: override,
      },
    },
    $defs: Object.fromEntries(
      PART_KINDS.map((kind) => [kind, objectOf(KINDS[kind].schema.fields)]),
    ),
  };
}

const windowSchema = {
  anyOf: [
    {
      type: "object",
      additionalProperties: false,
      required: ["ms"],
      properties: { ms: { anyOf: [{ type: "integer", minimum: 10 }, DURATION] } },
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
