"""A network that never comes to an end."""

import time

from tiny_network import TinyNetwork


class HangingNetwork(TinyNetwork):
    def forward(self, background, composite):
        time.sleep(600)


def hanging_network():
    return HangingNetwork()
