"""What the provisioning service is told besides what every service is."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from trunkline.runtime.settings import ListenAddress, Name, ServiceSettings, Settings


class PopSettings(Settings):
    """A point of presence and the edge that is asked for its state. `grpc_address` is the edge's gRPC `ADDRESS:PORT`."""

    name: Name
    region: Name
    edge: Name
    grpc_address: ListenAddress


class ServiceProcess(Settings):
    """A process that follows the log, such as auth-eu."""

    name: Name
    region: Name


class ProvisioningSettings(ServiceSettings):
    """`auth_addresses` are auth's gRPC `ADDRESS:PORT`, the nearest first. `pops` are all points of presence, in the order in which they
    are shown; `pop_log_regions` those with dns services, whose word about points of presence is shown. `records_addresses` are records
    services', the nearest first: without one past calls are not decided again. `services` are the processes that are told of as silent
    while they say nothing; without it those alone that were heard once."""

    auth_addresses: tuple[ListenAddress, ...] = Field(min_length=1, max_length=16)
    records_addresses: tuple[ListenAddress, ...] = Field(default=(), max_length=16)
    pops: tuple[PopSettings, ...] = Field(min_length=1, max_length=256)
    pop_log_regions: tuple[Name, ...] = Field(default=(), max_length=16)
    services: tuple[ServiceProcess, ...] = Field(default=(), max_length=256)

    @model_validator(mode="after")
    def _edges_are_told_apart(self) -> Self:
        edges = [pop.edge for pop in self.pops]
        for edge in edges:
            if edges.count(edge) > 1:
                raise ValueError(f"pops: the edge {edge!r} stands there twice")
        return self
