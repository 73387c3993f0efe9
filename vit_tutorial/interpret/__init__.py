"""Looking inside a trained model.

recorder    record_attention: the weights of every layer
heads       attention_distance, attention_entropy, heads_off: what heads do, and what is missing without them
rollout     attention_rollout: attention followed through all layers
occlusion   occlusion: hide a patch, measure what the answer loses
"""

from vit_tutorial.interpret.heads import attention_distance, attention_entropy, heads_off
from vit_tutorial.interpret.occlusion import occlusion
from vit_tutorial.interpret.recorder import record_attention
from vit_tutorial.interpret.rollout import attention_rollout

__all__ = [
    "attention_distance",
    "attention_entropy",
    "attention_rollout",
    "heads_off",
    "occlusion",
    "record_attention",
]
