"""The workloads of workloads.md as PyTorch modules, for torch_peer.py.

Every model takes one tensor and returns logits (or the raw output); `Workload.head` names what a prediction
adds to it. Images are NCHW; a caller picks the memory format. Written for PyTorch 1.13 and later.
"""
import math
from dataclasses import dataclass
from typing import Callable, Tuple

import torch
import torch.nn.functional as F
from torch import nn


class LastStepRNN(nn.Module):
    """Recurrent stack whose last time step feeds a dense layer; tokens are embedded first if vocab > 0."""

    def __init__(self, features, hidden, classes, layers=1, vocab=0):
        super().__init__()
        self.embed = nn.Embedding(vocab, features) if vocab else nn.Identity()
        self.rnn = nn.LSTM(features, hidden, num_layers=layers, batch_first=True)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x):
        h, _ = self.rnn(self.embed(x))
        return self.out(h[:, -1])


class SeedAttention(nn.Module):
    """One attention head; Q, K and V come from a single fused projection."""

    def __init__(self, features, d):
        super().__init__()
        self.qkv = nn.Linear(features, 3 * d)
        self.scale = 1.0 / math.sqrt(d)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return torch.softmax(torch.bmm(q, k.transpose(1, 2)) * self.scale, -1) @ v


class BiGRU(nn.Module):
    def __init__(self, features, hidden, classes):
        super().__init__()
        self.rnn = nn.GRU(features, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, classes)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.out(h)


class Conv1dText(nn.Module):
    def __init__(self, vocab, features, filters, k, classes):
        super().__init__()
        self.embed = nn.Embedding(vocab, features)
        self.conv = nn.Conv1d(features, filters, k, padding=k // 2)
        self.out = nn.Linear(filters, classes)

    def forward(self, x):
        h = torch.relu(self.conv(self.embed(x).transpose(1, 2)))
        return self.out(h.amax(2))


class ResBlock(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.a = nn.Conv2d(cin, cout, 3, stride, 1)
        self.na = nn.BatchNorm2d(cout)
        self.b = nn.Conv2d(cout, cout, 3, 1, 1)
        self.nb = nn.BatchNorm2d(cout)
        same = cin == cout and stride == 1
        self.short = nn.Identity() if same else nn.Conv2d(cin, cout, 1, stride)

    def forward(self, x):
        h = F.relu(self.na(self.a(x)), inplace=True)
        return F.relu(self.nb(self.b(h)) + self.short(x), inplace=True)


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    cin = 16
    for cout in (16, 32, 64):
        for i in range(3):
            layers.append(ResBlock(cin, cout, 2 if i == 0 and cout != 16 else 1))
            cin = cout
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def two_convs(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU(inplace=True),
                         nn.Conv2d(cout, cout, 3, padding=1), nn.ReLU(inplace=True))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.d1, self.d2, self.bottom = two_convs(3, 32), two_convs(32, 64), two_convs(64, 128)
        self.up2, self.u2 = nn.ConvTranspose2d(128, 64, 2, 2), two_convs(128, 64)
        self.up1, self.u1 = nn.ConvTranspose2d(64, 32, 2, 2), two_convs(64, 32)
        self.out = nn.Conv2d(32, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(F.max_pool2d(a, 2))
        c = self.bottom(F.max_pool2d(b, 2))
        h = self.u2(torch.cat([self.up2(c), b], 1))
        return self.out(self.u1(torch.cat([self.up1(h), a], 1)))


class GPTBlock(nn.Module):
    def __init__(self, d, heads, hidden, length):
        super().__init__()
        self.heads, self.scale = heads, 1.0 / math.sqrt(d // heads)
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, hidden), nn.Linear(hidden, d)
        self.register_buffer("mask", torch.full((length, length), float("-inf")).triu(1))

    def forward(self, x):
        b, t, d = x.shape
        qkv = self.qkv(self.n1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.reshape(3, b * self.heads, t, d // self.heads).unbind(0)
        score = torch.baddbmm(self.mask, q, k.transpose(1, 2), beta=1.0, alpha=self.scale)
        h = torch.bmm(torch.softmax(score, -1), v)
        x = x + self.proj(h.view(b, self.heads, t, d // self.heads).transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.n2(x))))


class GPTMini(nn.Module):
    def __init__(self, vocab=1000, length=128, d=256, blocks=4, heads=8, hidden=1024):
        super().__init__()
        self.tok, self.pos = nn.Embedding(vocab, d), nn.Parameter(torch.randn(length, d) * 0.02)
        self.blocks = nn.Sequential(*[GPTBlock(d, heads, hidden, length) for _ in range(blocks)])
        self.norm, self.lm = nn.LayerNorm(d), nn.Linear(d, vocab)

    def forward(self, x):
        return self.lm(self.norm(self.blocks(self.tok(x) + self.pos)))


def mlp(*sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


def cnn28():
    return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                         nn.Conv2d(32, 64, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(inplace=True), nn.Linear(128, 10))


def cnn128():
    return nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                         nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                         nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(inplace=True),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


@dataclass
class Workload:
    name: str
    batch: int
    build: Callable[[], nn.Module]
    shape: Tuple[int, ...]          # of one input sample, NCHW order for images
    target: Tuple[int, ...]         # of one target sample
    classes: int = 0                # > 0: integer targets below this; 0: float targets
    vocab: int = 0                  # > 0: integer inputs below this
    head: str = "softmax"           # softmax, sigmoid or none: what predict adds
    loss: str = "cce"               # cce, bce or mse
    optim: str = "adam"             # adam, adamw, sgd or momentum

    @property
    def images(self):
        return len(self.shape) == 3

    def inputs(self, batch):
        if self.vocab:
            return torch.randint(self.vocab, (batch, *self.shape))
        return torch.randn(batch, *self.shape)

    def targets(self, batch):
        if self.classes:
            return torch.randint(self.classes, (batch, *self.target))
        return torch.rand(batch, *self.target)

    def loss_of(self, out, y):
        if self.loss == "mse":
            return F.mse_loss(out, y)
        if self.loss == "bce":
            return F.binary_cross_entropy_with_logits(out, y)
        return F.cross_entropy(out.flatten(0, -2), y.flatten())

    def optimizer(self, params, foreach):
        if self.optim == "adam":
            return torch.optim.Adam(params, lr=1e-3, foreach=foreach)
        if self.optim == "adamw":
            return torch.optim.AdamW(params, lr=1e-3, foreach=foreach)
        return torch.optim.SGD(params, lr=1e-2, momentum=0.9 if self.optim == "momentum" else 0.0, foreach=foreach)

    def predictor(self, model):
        """The model with the output activation a prediction returns."""
        if self.head == "softmax":
            return nn.Sequential(model, nn.Softmax(-1))
        return nn.Sequential(model, nn.Sigmoid()) if self.head == "sigmoid" else model


WORKLOADS = {w.name: w for w in [
    Workload("seed-lstm", 4, lambda: LastStepRNN(2, 8, 2), (3, 2), (), 2),
    Workload("seed-attention", 2, lambda: SeedAttention(3, 5), (10, 3), (10, 5), head="none", loss="mse", optim="sgd"),
    Workload("mlp-64", 32, lambda: mlp(64, 200, 10), (64,), (), 10),
    Workload("mlp-784", 128, lambda: mlp(784, 512, 512, 10), (784,), (), 10),
    Workload("dense-2048", 512, lambda: mlp(2048, 2048, 2048, 10), (2048,), (), 10, optim="momentum"),
    Workload("cnn-28", 128, cnn28, (1, 28, 28), (), 10),
    Workload("cnn-128", 16, cnn128, (3, 128, 128), (), 10),
    Workload("resnet-20", 64, resnet20, (3, 32, 32), (), 10, optim="momentum"),
    Workload("unet-64", 8, UNet, (3, 64, 64), (1, 64, 64), head="sigmoid", loss="bce"),
    Workload("lstm-text", 32, lambda: LastStepRNN(20, 64, 10, vocab=1000), (100,), (), 10, vocab=1000),
    Workload("lstm-256", 64, lambda: LastStepRNN(128, 256, 10, layers=2), (64, 128), (), 10),
    Workload("bigru-128", 32, lambda: BiGRU(64, 128, 20), (50, 64), (50,), 20),
    Workload("conv1d-text", 64, lambda: Conv1dText(1000, 20, 32, 5, 10), (100,), (), 10, vocab=1000),
    Workload("gpt-mini", 16, GPTMini, (128,), (128,), 1000, vocab=1000, head="none", optim="adamw"),
]}


def gflop(workload, batch, train):
    """GFLOP of one step, counting the multiply-adds of dense, convolution, recurrent and attention products.

    A product counts once forward, once for its weight gradient, and once for its input gradient where the
    input needs one; elementwise work and the optimizer are left out.
    """
    total = 0
    model = workload.build()

    def hook(mod, args, out):
        nonlocal total
        x = args[0]
        times = 1 if not train else 3 if x.requires_grad else 2
        if isinstance(mod, nn.Linear):
            total += times * out.numel() * mod.in_features
        elif isinstance(mod, nn.ConvTranspose2d):
            total += times * x.numel() * mod.out_channels * math.prod(mod.kernel_size)
        elif isinstance(mod, (nn.Conv1d, nn.Conv2d)):
            total += times * out.numel() * mod.in_channels * math.prod(mod.kernel_size)
        elif isinstance(mod, (nn.LSTM, nn.GRU)):
            steps = x.shape[0] * x.shape[1]
            for name, w in mod.named_parameters():
                if name.startswith("weight"):
                    first = name.startswith("weight_ih_l0")
                    total += steps * w.numel() * (times if first else 3 if train else 1)
        elif isinstance(mod, GPTBlock):
            total += (3 if train else 1) * 2 * x.numel() * x.shape[1]
        elif isinstance(mod, SeedAttention):
            total += (3 if train else 1) * 2 * out.numel() * out.shape[1]

    handles = [m.register_forward_hook(hook) for m in model.modules()]
    model(workload.inputs(batch))
    for h in handles:
        h.remove()
    return 2e-9 * total
