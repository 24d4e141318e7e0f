"""A state machine that calls a function again and again, its role, and what both are called."""

from aws_cdk import ArnFormat, Stack, aws_iam, aws_lambda
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.acknowledged import acknowledge
from stacks.states import definition


def machine_arn(stack: Stack, name: str) -> str:
    """Of the stack's Region's machine of that name, whether it is there or not."""
    return stack.format_arn(
        service="states",
        resource="stateMachine",
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


class Machine(Construct):
    """`machine`, called `called`; its role may call the function and go on as itself."""

    def __init__(
        self, scope: Construct, name: str, called: str, tick: aws_lambda.IFunction
    ) -> None:
        super().__init__(scope, name)
        stack = Stack.of(self)
        role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            ),
        )
        allowed = aws_iam.Policy(
            self,
            "Calls",
            roles=[role],
            statements=[
                aws_iam.PolicyStatement(
                    actions=["lambda:InvokeFunction"], resources=[tick.function_arn]
                ),
                aws_iam.PolicyStatement(
                    actions=["states:StartExecution"], resources=[machine_arn(stack, called)]
                ),
            ],
        )
        self.machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=called,
            role_arn=role.role_arn,
            definition_string=stack.to_json_string(definition(tick.function_arn)),
        )
        self.machine.node.add_dependency(allowed)
        acknowledge(
            self.machine,
            {
                "AwsSolutions-SF1": "Its history tells every event for 90 days, and each tick writes "
                "into the function's log; a second log would cost more than the machine.",
                "AwsSolutions-SF2": "One function is called and nothing else: there is nothing to trace.",
            },
        )
