"""How AWS words "no": an error of each service's own, all with the same sentence. Pure."""

from typing import Final

from deployer.lab.iam.asked import Ask
from deployer.lab.wire import Refused

# By boto3's name of the service; the others say AccessDenied with HTTP status 403.
_SAYS: Final = {
    "codebuild": ("AccessDeniedException", 400),
    "codepipeline": ("AccessDeniedException", 400),
    "dynamodb": ("AccessDeniedException", 400),
    "ec2": ("UnauthorizedOperation", 403),
    "lambda": ("AccessDeniedException", 403),
    "scheduler": ("AccessDeniedException", 403),
    "ssm": ("AccessDeniedException", 400),
    "stepfunctions": ("AccessDeniedException", 400),
}


def denied(service: str, ask: Ask, who: str, why: str) -> Refused:
    """`User: ARN is not authorized to perform: ACTION on resource: ARN because …`."""
    code, status = _SAYS.get(service, ("AccessDenied", 403))
    where = f" on resource: {ask.resource}" if ask.resource != "*" else ""
    sentence = f"User: {who} is not authorized to perform: {ask.action}{where} {why}"
    if service == "ec2":
        sentence = f"You are not authorized to perform this operation. {sentence}"
    return Refused(code, sentence, status)
