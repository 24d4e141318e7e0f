"""Every kind of step that a plan may hold; the journal's codec knows exactly these."""

from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.cohort import Admit, Dismiss
from deployer.steps.hook import Hook
from deployer.steps.hush import Hush
from deployer.steps.keep import Keep
from deployer.steps.linger import Linger
from deployer.steps.page import Page
from deployer.steps.pin import Pin
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision
from deployer.steps.quiet import Quiet
from deployer.steps.ramp import Ramp
from deployer.steps.replace import Replace
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from deployer.steps.soak import Soak

Step = (
    Provision
    | Probe
    | Admit
    | Dismiss
    | Route
    | Ramp
    | Bake
    | Approve
    | Hook
    | Linger
    | Retire
    | Quiet
    | Pin
    | Replace
    | Soak
    | Checkpoint
    | Keep
    | Page
    | Hush
)
