/** The sizes that follow from a ViTConfig, checked against the tensors that came with it. */

/**
 * config (vit_tutorial.vit.ViTConfig as JSON), tensors { name: Float32Array } -> the sizes of the model:
 * channels, height, width (of the image, pixels), patchSize (pixels), rows, columns, patches = rows * columns, patchLength = C P P,
 * prefix (class token and registers), tokens = prefix + patches, dim (D), heads, headDim = D / heads, hidden (of the MLP), depth,
 * classes, average (true: the head reads the mean of the patches; false: the class token).
 */
export function readShape(config, tensors) {
  const { img_size, patch_size: P, in_chans: channels, embed_dim: dim, num_heads: heads, depth, num_classes: classes } = config;
  const [height, width] = Array.isArray(img_size) ? img_size : [img_size, img_size];
  const rows = height / P, columns = width / P, patches = rows * columns, headDim = dim / heads, patchLength = channels * P * P;
  const prefix = +config.class_token + config.reg_tokens, hidden = tensors['blocks.0.mlp.fc1.bias']?.length;
  for (const [name, value] of Object.entries({ rows, columns, headDim, depth, classes, prefix })) {
    if (!Number.isInteger(value)) throw new Error(`this configuration is not supported: ${name} is ${value}, not a whole number`);
  }
  const choices = { global_pool: ['token', 'avg'], pos_embed: ['learned', 'sincos2d', 'none'] };
  for (const [field, known] of Object.entries(choices)) {
    if (!known.includes(config[field])) throw new Error(`${field} ${config[field]} is not supported; known: ${known.join(', ')}`);
  }
  const average = config.global_pool === 'avg';
  const expect = (name, length) => {
    const found = tensors[name]?.length ?? 'none';
    if (found !== length) throw new Error(`the configuration needs ${length} numbers of ${name}, the weight file has ${found}`);
  };
  const linear = (name, outputs, inputs, bias = true) => {
    expect(`${name}.weight`, outputs * inputs);
    if (bias) expect(`${name}.bias`, outputs);
  };
  linear('patch_embed.proj', dim, patchLength);
  if (config.class_token) expect('cls_token', dim);
  if (config.reg_tokens) expect('reg_token', config.reg_tokens * dim);
  if (config.pos_embed !== 'none') {
    expect('pos_embed', dim * (patches + (config.no_embed_class || config.pos_embed === 'sincos2d' ? 0 : prefix)));
  }
  for (let l = 0; l < depth; l++) {
    const name = `blocks.${l}.`;
    for (const norm of ['norm1', 'norm2']) linear(name + norm, dim, 1);
    for (const scale of ['ls1', 'ls2']) if (config.init_values !== null) expect(`${name + scale}.gamma`, dim);
    linear(`${name}attn.qkv`, 3 * dim, dim, config.qkv_bias);
    linear(`${name}attn.proj`, dim, dim);
    linear(`${name}mlp.fc1`, hidden, dim);
    linear(`${name}mlp.fc2`, dim, hidden);
  }
  linear(average ? 'fc_norm' : 'norm', dim, 1);
  if (classes) linear('head', classes, dim);
  return {
    channels, height, width, patchSize: P, rows, columns, patches, patchLength, prefix, tokens: prefix + patches,
    dim, heads, headDim, hidden, depth, classes, average,
  };
}
