"""Auto Scaling that takes time and tells the truth; moto's own is not used."""
