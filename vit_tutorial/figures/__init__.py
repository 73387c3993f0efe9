"""The book's pictures: each function takes arrays and returns one Figure, drawn in the house style; nothing is shown or kept open.

images        image_grid, patch_row
training      learning_curves, seed_curves, schedule_plot
evaluation    confusion, mistakes, reliability_diagram, accuracy_histogram
attention     attention_beside, attention_over_image, attention_over_images, head_grid
mathematics   influence_map, error_sizes
style         figure, style, and the colours, for pictures of one's own

Pictures that one section draws are imported from that section's module: origins (1.1), concepts (1.2), applications (1.3), attention_math (2.1.1),
position_math (2.1.2), feedforward_math (2.1.3), layers (2.2), pretraining (2.3), examples (3.3), losses (5.1), strategies (5.2),
batch_size (5.2.2), experiments (5.3), multitask (6.1), self_supervision (6.2), cost, package and scaling (7), listing and hunt (7.3), cases (8), papers (A).
"""

from vit_tutorial.figures.attention import attention_beside, attention_over_image, attention_over_images, head_grid
from vit_tutorial.figures.evaluation import accuracy_histogram, confusion, mistakes, reliability_diagram
from vit_tutorial.figures.images import image_grid, patch_row
from vit_tutorial.figures.mathematics import error_sizes, influence_map
from vit_tutorial.figures.style import figure, style
from vit_tutorial.figures.training import learning_curves, schedule_plot, seed_curves

__all__ = [
    "accuracy_histogram",
    "attention_beside",
    "attention_over_image",
    "attention_over_images",
    "confusion",
    "error_sizes",
    "figure",
    "head_grid",
    "image_grid",
    "influence_map",
    "learning_curves",
    "mistakes",
    "patch_row",
    "reliability_diagram",
    "schedule_plot",
    "seed_curves",
    "style",
]
